import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { folderOf } from "../test/images.ts";
import { linesOf } from "../test/svg.ts";
import { fails, small, succeeds } from "./cli-process.ts";
import { distanceFrom } from "./reference-solution.ts";
import { type Sweep, sweepFigure } from "./sweep-figure.ts";

const folder = await folderOf({});
const at = (name: string): string => join(folder, name);
const sweep = (...args: string[]) => ["sweep", "--checkpoint", at("run"), "--out", ...args];

before(async () => {
  await succeeds("train", ...small, "--diffusion.timesteps", "12", "--steps", "1", "--out", at("run"));
});

const results = [3, 10, 50].flatMap((steps) => [
  { sampler: "ddim", steps, distance: { mean: 0.1, error: 0.02 }, fromReference: 1 / steps } as const,
  { sampler: "ddpm", steps, distance: { mean: 0.2, error: 0.01 } } as const,
]);
const measured: Sweep = { count: 128, floor: { mean: 0.02, error: 0.03 }, reference: { sampler: "heun", steps: 200, count: 64 }, results };

/** The distance at a height of the right panel, whose axis is logarithmic, by the first points of DDIM at 0.1 and DDPM at 0.2. */
const distanceAt = (panel: [number, number][][], y: number): number => {
  const [ddim, ddpm] = panel.filter(({ length }) => length === 3).map(([first]) => first![1]);
  return 0.1 * 2 ** ((y - ddim!) / (ddpm! - ddim!));
};

test("the chart has a bar of one error up and down at each point, and no line from bar to bar", async () => {
  const [left, right] = linesOf(await sweepFigure(measured));
  const bars = right!.filter((points) => new Set(points.map(([x]) => x)).size === 1);
  assert.deepEqual(right!.map(({ length }) => length).sort(), [2, 2, 2, 2, 2, 2, 2, 3, 3]);
  const ends = bars.map((points) => points.map(([, y]) => Number(distanceAt(right!, y).toFixed(3))));
  assert.deepEqual(ends, [...Array(3).fill([0.08, 0.12]), ...Array(3).fill([0.19, 0.21])]);
  assert.equal(left!.length, 1, "no line of ddpm, whose images are others");
});

test("the line of other data is at their mean, whatever its error, and the subtitle says it", async () => {
  const svg = await sweepFigure(measured);
  const right = linesOf(svg)[1]!;
  const line = right.find((points) => points.length === 2 && points[0]![0] !== points[1]![0])!;
  for (const [, y] of line) assert.equal(distanceAt(right, y).toFixed(4), "0.0200");
  assert.match(svg, /other data are at 0.020 ± 0.03</);
});

test("what is below 0 is left out, bars that reach it end above it, and the subtitle says so", async () => {
  const [first, ...others] = measured.results;
  const results = [{ ...first!, distance: { mean: 0.1, error: 0.4 } }, ...others];
  const svg = await sweepFigure({ ...measured, floor: { mean: -0.001, error: 0.03 }, results });
  assert.deepEqual(
    linesOf(svg)[1]!
      .map(({ length }) => length)
      .sort(),
    [2, 2, 2, 2, 2, 2, 3, 3],
  );
  assert.match(svg, /at -0.0010 ± 0.03; what is below 0 is left out</);
  assert.doesNotMatch(svg, /NaN|Infinity/);
});

test("one number of steps makes dots, and stochastic samplers alone one panel", async () => {
  const one = results.filter(({ sampler, steps }) => sampler === "ddpm" && steps === 3);
  const svg = await sweepFigure({ ...measured, reference: undefined, results: one });
  assert.equal(linesOf(svg).length, 1);
  assert.match(svg, /mark-symbol role-mark/);
});

test("distanceFrom() is the root mean square over the images that the reference has", () => {
  assert.equal(distanceFrom(Float32Array.of(1, 1, 0, 0), Float32Array.of(0, 0, 1, -1, 5)), 1);
  assert.equal(distanceFrom(Float32Array.of(0, 0, 0, 0), Float32Array.of(1, 0, 0, 0, 5)), 0.5);
});

test("sweep computes each point once, in order, and tells how far it is from the reference", async () => {
  await succeeds(...sweep(at("x.json")), "--count", "128", "--samplers", "ddim,heun,ddim,ddpm", "--steps", "11,2,11");
  const { reference, results } = JSON.parse(readFileSync(at("x.json"), "utf8")) as Sweep;
  assert.deepEqual(
    results.map(({ sampler, steps }) => `${sampler} ${steps}`),
    ["ddim 2", "ddim 11", "heun 2", "heun 11", "ddpm 2", "ddpm 11"],
  );
  assert.ok(reference!.steps > 11 && reference!.steps < 4 * 11 && reference!.count === 64, "as many calls as 12 timesteps allow");
  const [few, many, heunFew, heunMany, ...others] = results.map(({ fromReference }) => fromReference);
  assert.ok(few! > many! && many! > 0 && heunFew! > heunMany!, JSON.stringify(results));
  assert.deepEqual(others, [undefined, undefined]);
});

test("sweep refuses what cannot be before it draws, and names the flag", async () => {
  await fails(/--steps for ddim from sigma 80 down: .*\[1, 11\].* but found 500/, 1, ...sweep(at("y.json")), "--steps", "3,500");
  await fails(/--count .*Expected at least 128 images/, 2, ...sweep(at("y.json")), "--count", "64");
  assert.match(await succeeds("sweep", "--help"), /128 or\s+more/);
});
