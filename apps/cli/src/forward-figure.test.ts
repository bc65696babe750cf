import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { schedule, scheduleNames } from "@ddpm/core/diffusion";
import { normals, stream } from "@ddpm/core/random";
import { decode } from "fast-png";
import { folderOf, plain, ramp } from "../test/images.ts";
import { picturesOf, textsOf } from "../test/svg.ts";
import { fails, succeeds } from "./cli-process.ts";
import { forwardFigure } from "./forward-figure.ts";

const folder = await folderOf({
  "ramp.png": await ramp(8, 6, 40),
  "red.webp": await plain(20, 10, [255, 0, 0]).webp({ lossless: true }).toBuffer(),
  "clear.png": await plain(9, 9, [0, 0, 0, 0]).png().toBuffer(),
  "large.jpg": await plain(700, 1400, [0, 0, 255]).jpeg().toBuffer(),
  "text.png": "no image",
});
const at = (name: string): string => join(folder, name);
const forward = (image: string, out: string, ...others: string[]) => succeeds("forward", "--image", at(image), "--out", at(out), ...others);
const svgOf = (name: string): string => readFileSync(at(name), "utf8");

test("forwardFigure() draws eq. 4 with the same noise for each schedule and timestep", async () => {
  const image = { height: 64, width: 72, channels: 1 as const, data: Uint8Array.from({ length: 64 * 72 }, (_, i) => (5 * i) % 256) };
  const schedules = new Map((["linear", "cosine"] as const).map((name) => [name, schedule(name, 100)]));
  const ts = [0, 30, 99];
  const drawn = picturesOf(await forwardFigure({ image, name: "x", schedules, timesteps: 100, ts, seed: 5 }));
  const noise = normals(stream(5, "noise"), image.data.length);
  const cases = [...schedules.values()].flatMap(({ alphasCumprod }) => ts.map((t) => alphasCumprod[t]!));
  assert.equal(drawn.length, cases.length);
  for (const [i, alphaBar] of cases.entries()) {
    assert.deepEqual([drawn[i]!.height, drawn[i]!.width, drawn[i]!.channels], [64, 72, 1]);
    for (const [j, byte] of image.data.entries()) {
      const xt = Math.sqrt(alphaBar) * (byte / 127.5 - 1) + Math.sqrt(1 - alphaBar) * noise[j]!;
      const expected = Math.min(Math.max((xt + 1) * 127.5, 0), 255);
      assert.ok(Math.abs(drawn[i]!.data[j]! - expected) <= 0.51, `${drawn[i]!.data[j]} for ${expected}`);
    }
  }
});

test("forward labels a row for each schedule and a column for each of eight timesteps", async () => {
  await forward("ramp.png", "all.svg", "--schedule", "all", "--diffusion.timesteps", "50");
  const texts = textsOf(svgOf("all.svg"));
  for (const text of ["linear", "sigmoid-alpha-bar", "t = 0", "t = 7", "t = 49", "ᾱ 1.0"]) assert.ok(texts.includes(text), text);
  assert.equal(texts[0], "ramp.png on its way to noise");
  assert.equal(texts[1], "xₜ = √ᾱ x₀ + √(1 − ᾱ) ε over 50 timesteps, with the same ε everywhere");
  assert.deepEqual(
    new Set(picturesOf(svgOf("all.svg")).map(({ channels, width, height }) => `${channels} ${width} ${height}`)),
    new Set(["1 48 64"]),
  );
  assert.equal(picturesOf(svgOf("all.svg")).length, scheduleNames.length * 8);
});

test("forward draws rescaled schedules, which end in noise alone", async () => {
  await forward("ramp.png", "rescaled.svg", "--timesteps", "50", "--diffusion.zeroTerminalSnr", "--t", "0,49");
  const texts = textsOf(svgOf("rescaled.svg"));
  for (const text of ["rescaled linear", "t = 49", "ᾱ 0.0"]) assert.ok(texts.includes(text), `${text} among ${texts.join("; ")}`);
});

test("forward writes a PNG with the pixels of the SVG's pictures", async () => {
  for (const out of ["red.svg", "red.png"]) await forward("red.webp", out, "--t", "0,20");
  const png = decode(readFileSync(at("red.png")));
  const places = [...svgOf("red.svg").matchAll(/<image [^>]*translate\((\d+),(\d+)\)/g)].map(([, x, y]) => [Number(x) + 12, Number(y) + 12] as const);
  assert.equal(places.length, 2);
  for (const [i, { width, height, data }] of picturesOf(svgOf("red.svg")).entries()) {
    const [left, top] = places[i]!;
    const rows = Array.from({ length: height }, (_, y) => 3 * ((top + y) * png.width + left)).map((from) =>
      png.data.subarray(from, from + 3 * width),
    );
    assert.deepEqual(Buffer.concat(rows as Uint8Array[]), Buffer.from(data as Uint8Array));
  }
});

test("forward lays white under what is transparent and shrinks what is large", async () => {
  await forward("clear.png", "clear.svg", "--t", "0");
  const [clear] = picturesOf(svgOf("clear.svg"));
  assert.ok([...clear!.data].filter((x) => x > 240).length > 0.9 * clear!.data.length);
  await forward("large.jpg", "large.svg", "--t", "0,1");
  await forward("large.jpg", "eight.svg");
  const sizes = ["large.svg", "eight.svg"].map((name) => picturesOf(svgOf(name))[0]!).map(({ width, height }) => [width, height]);
  assert.deepEqual(sizes, [
    [512, 256],
    [200, 100],
  ]);
});

test("forward says what it cannot draw", async () => {
  const ramp = ["forward", "--image", at("ramp.png")];
  await fails(/Expected --t below 600 but found 600; choose smaller ones/, 2, ...ramp, "--t", "5,600", "--out", at("x.png"));
  await fails(/Expected up to 50 timesteps from 0/, 2, ...ramp, "--t", "5,,6", "--out", at("x.png"));
  await fails(/Expected --out to end in .png or .svg but found .*x.jpg/, 2, ...ramp, "--out", at("x.jpg"));
  await fails(/text.png: Expected an image to noise but found/, 1, "forward", "--image", at("text.png"), "--out", at("x.png"));
  await fails(
    /Expected an image to noise at .*none.png but found no such file or folder/,
    1,
    "forward",
    "--image",
    at("none.png"),
    "--out",
    at("x.png"),
  );
});
