import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { decode } from "fast-png";
import { ddpm, fails, succeeds } from "./cli-process.ts";
import { evenNumbers } from "./even-numbers.ts";

const folder = mkdtempSync(join(tmpdir(), "ddpm-schedule-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const at = (name: string): string => join(folder, name);

test("schedule draws four panels of several schedules with a legend", async () => {
  await succeeds("schedule", "--schedule", "linear,cosine", "--schedule", "sigmoid", "--out", at("three.svg"));
  const svg = readFileSync(at("three.svg"), "utf8");
  assert.match(svg, /^<svg [^>]*><rect [^>]*fill="white"/);
  for (const text of ["linear", "cosine", "sigmoid", "β", "ᾱ", "SNR", "β̃", "t"]) assert.ok(svg.includes(`>${text}</text>`), text);
  assert.equal(svg.match(/class="mark-line role-mark/g)!.length, 4 * 3);
  assert.doesNotMatch(svg, /NaN|undefined|Infinity/);
});

test("schedule draws one alone, its name in the title and no legend", async () => {
  await succeeds("schedule", "--schedule", "cosine", "--timesteps", "1", "--out", at("one.svg"));
  const svg = readFileSync(at("one.svg"), "utf8");
  assert.match(svg, />The cosine schedule over 1 timesteps</);
  assert.doesNotMatch(svg, /role-legend-symbol|>0\.0{6}</);
  assert.equal(svg.match(/class="mark-symbol role-mark/g)!.length, 4, "a dot for β̃ too, which is 0");
});

test("schedule draws a PNG with two pixels for each of the SVG", async () => {
  await succeeds("schedule", "--out", at("linear.svg"));
  await succeeds("schedule", "--out", at("linear.png"));
  const [, width, height] = /width="(\d+)" height="(\d+)"/.exec(readFileSync(at("linear.svg"), "utf8"))!;
  const png = decode(readFileSync(at("linear.png")));
  assert.deepEqual([png.width, png.height], [2 * Number(width), 2 * Number(height)]);
  assert.ok(new Set(png.data).size > 50, "not blank");
});

test("schedule writes several as JSON by name, all of them when asked", async () => {
  await succeeds("schedule", "--schedule", "all", "--timesteps", "50", "--out", at("all.json"));
  const written = JSON.parse(readFileSync(at("all.json"), "utf8")) as Record<string, Record<string, number[]>>;
  assert.deepEqual(Object.keys(written), ["linear", "linear-scaled", "cosine", "cosine-capped", "quadratic", "sigmoid", "sigmoid-alpha-bar"]);
  assert.equal(written["cosine"]!["betas"]!.length, 50);
});

test("schedule draws and writes rescaled schedules, with either spelling of the timesteps", async () => {
  const flags = ["--diffusion.timesteps", "50", "--diffusion.zeroTerminalSnr"];
  await succeeds("schedule", ...flags, "--out", at("rescaled.svg"));
  assert.match(readFileSync(at("rescaled.svg"), "utf8"), />The rescaled linear schedule over 50 timesteps</);
  const { stderr } = await ddpm("schedule", ...flags, "--out", at("rescaled.json"));
  assert.equal(stderr, "");
  const { alphasCumprod } = JSON.parse(readFileSync(at("rescaled.json"), "utf8")) as { alphasCumprod: number[] };
  assert.deepEqual([alphasCumprod.length, alphasCumprod.at(-1)], [50, 0]);
});

test("schedule says what to do where a schedule cannot have so few timesteps", async () => {
  const few = ["schedule", "--schedule", "all", "--timesteps", "10", "--out", at("few.svg")];
  await fails(/schedule linear-scaled with 10 timesteps; choose more timesteps or another schedule/, 2, ...few);
});

test("schedule refuses unknown names and endings", async () => {
  await fails(/Expected all or schedules among linear, .* but found cubic/, 2, "schedule", "--schedule", "linear,cubic", "--out", at("x.svg"));
  await fails(/Expected --out to end in .json or .png or .svg but found .*x.jpg/, 2, "schedule", "--out", at("x.jpg"));
});

test("evenNumbers() includes both ends and repeats nothing", () => {
  assert.deepEqual(evenNumbers(0, 10, 3), [0, 5, 10]);
  assert.deepEqual(evenNumbers(1, 3, 10), [1, 2, 3]);
  assert.deepEqual(evenNumbers(0, 9, 1), [9]);
});
