import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { shapes } from "@ddpm/core";
import { decode } from "@ddpm/core/safetensors";
import { decode as decodePng, encode as encodePng } from "fast-png";
import { ddpm, fails, small, succeeds } from "./cli-process.ts";
import { writeAtomically } from "./files.ts";

const folder = mkdtempSync(join(tmpdir(), "ddpm-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const at = (name: string): string => join(folder, name);
const samples = (name: string): Float32Array => decode(readFileSync(at(name))).tensors.get("samples")!.data as Float32Array;
const near = (a: Float32Array, b: Float32Array): number => Math.max(...a.map((x, i) => Math.abs(x - b[i]!)));

const sides = 8;
const elements = sides * sides;

before(async () => {
  await succeeds("train", ...small, "--conditional", "--steps", "40", "--out", at("run"));
  await succeeds("train", ...small, "--steps", "1", "--out", at("plain"));
  const half = Uint8Array.from({ length: elements }, (_, i) => (i % sides < sides / 2 ? 0 : 255));
  await writeAtomically(at("mask.png"), encodePng({ width: sides, height: sides, channels: 1, data: half, depth: 8 }));
  await writeAtomically(at("text.png"), Buffer.from("no image"));
  const shape = shapes({ height: sides, width: sides }).pixels(0);
  mkdirSync(at("image"));
  await writeAtomically(at("image/0000.png"), encodePng({ width: sides, height: sides, channels: 1, data: shape, depth: 8 }));
});
const image = (): string => at("image/0000.png");
const pixels = (): Float32Array => Float32Array.from(decodePng(readFileSync(image())).data, (byte) => byte / 127.5 - 1);

const sample = (out: string, ...flags: string[]): Promise<unknown> =>
  succeeds("sample", "--checkpoint", at("run"), "--sampler", "ddim", "--steps", "5", ...flags, "--out", at(out));

test("a class is drawn by name, by number and in all's row, and differs from another", async () => {
  await sample("all.safetensors", "--class", "all", "--count", "10");
  await sample("named.safetensors", "--class", "disc", "--count", "2");
  await sample("numbered.safetensors", "--class", "1", "--count", "2");
  assert.equal(samples("all.safetensors").length, 10 * elements); // 5 classes, 2 each
  assert.ok(near(samples("all.safetensors").subarray(0, 2 * elements), samples("named.safetensors")) < 1e-4); // another batch sums in another order
  assert.ok(near(samples("named.safetensors"), samples("numbered.safetensors")) > 1e-3);
});

test("guidance changes what is drawn, and a grid has a row for each class", async () => {
  await sample("guided.safetensors", "--class", "disc", "--count", "2", "--guidance", "3");
  assert.ok(near(samples("guided.safetensors"), samples("named.safetensors")) > 1e-3);
  await sample("grid.png", "--class", "disc,cross", "--count", "5");
  const { width, height } = decodePng(readFileSync(at("grid.png")));
  assert.ok(width > height, `${width} × ${height}`); // 5 of 2 classes are 3 each
});

test("an image changes with the strength, and stays where the mask is black", async () => {
  await sample("little.safetensors", "--image", image(), "--strength", "0.2", "--count", "1");
  await sample("much.safetensors", "--image", image(), "--strength", "1", "--count", "1");
  const far = (name: string): number => Math.hypot(...samples(name).map((x, i) => x - pixels()[i]!));
  assert.ok(far("little.safetensors") < far("much.safetensors"), `${far("little.safetensors")} and ${far("much.safetensors")}`);
  await sample("inpainted.safetensors", "--image", image(), "--mask", at("mask.png"), "--repaint", "2", "--count", "3");
  for (const n of [0, 1, 2]) {
    const found = samples("inpainted.safetensors").subarray(n * elements, (n + 1) * elements);
    const kept = found.map((x, i) => (i % sides < sides / 2 ? x - pixels()[i]! : 0));
    assert.ok(Math.max(...kept.map(Math.abs)) < 1e-6);
    assert.ok(near(found, pixels()) > 1e-2);
  }
});

test("what lies between begins and ends with the ends", async () => {
  await succeeds(
    "interpolate",
    "--checkpoint",
    at("run"),
    "--steps",
    "5",
    "--from",
    "0",
    "--to",
    "7",
    "--count",
    "3",
    "--out",
    at("seeds.safetensors"),
  );
  await sample("seed0.safetensors", "--count", "1");
  await sample("seed7.safetensors", "--count", "1", "--seed", "7");
  const between = samples("seeds.safetensors");
  assert.ok(near(between.subarray(0, elements), samples("seed0.safetensors")) < 1e-5);
  assert.ok(near(between.subarray(2 * elements), samples("seed7.safetensors")) < 1e-5);
  await succeeds(
    "interpolate",
    "--checkpoint",
    at("run"),
    "--from",
    image(),
    "--to",
    "7",
    "--no-clip",
    "--count",
    "2",
    "--out",
    at("back.safetensors"),
  );
  assert.ok(near(samples("back.safetensors").subarray(0, elements), pixels()) < 0.1);
});

const noFile = /Expected an image file at nope\.png but found no such file or folder; check the path\n/;
const noImage = /Expected an image at \S+text\.png but found Input buffer contains unsupported image format; choose a PNG, JPEG or WebP file\n/;

/** What is said, the exit code, and what was asked. */
const mistakes: readonly [RegExp, 1 | 2, string][] = [
  [/a model with classes for --class but found one without; train one with --conditional/, 1, "sample --checkpoint plain --class disc"],
  [/--class to be all, or among disc, square, triangle, ring, cross or 0 to 4, but found cat/, 1, "sample --checkpoint run --class cat"],
  [/Expected --image with --mask but found --mask alone/, 2, "sample --checkpoint run --mask mask.png"],
  [/for --mask that corrects no step but found heun/, 2, "sample --checkpoint run --image mask.png --mask mask.png --sampler heun"],
  [/for --repaint .* but found dpm/, 2, "sample --checkpoint run --image mask.png --mask mask.png --sampler dpm++ --repaint 2"],
  [/Expected --image with --strength but found --strength alone/, 2, "sample --checkpoint run --strength 0.5"],
  [/Expected a number above 0 and of at most 1/, 2, "sample --checkpoint run --image mask.png --strength 2"],
  [/Expected --class with --guidance but found none/, 2, "sample --checkpoint run --guidance 2"],
  [/Expected one class for --class but found all/, 1, "interpolate --checkpoint run --from 1 --to 2 --class all"],
  [/--sampler ddim without --eta, --guidance and karras to come back/, 2, "interpolate --checkpoint run --from mask.png --to 1 --eta 1"],
  [/Expected --count of at least 2, the ends, but found 1/, 2, "interpolate --checkpoint run --from 1 --to 2 --count 1"],
  [noFile, 1, "sample --checkpoint run --image nope.png"],
  [noImage, 1, "sample --checkpoint run --image text.png"],
  [noFile, 1, "sample --checkpoint run --image mask.png --mask nope.png"],
  [noImage, 1, "sample --checkpoint run --image mask.png --mask text.png"],
  [noFile, 1, "invert --checkpoint run --images nope.png"],
  [noImage, 1, "interpolate --checkpoint run --from text.png --to 1"],
];

for (const [message, code, command] of mistakes) {
  test(`ddpm ${command} says what is wrong`, async () => {
    const args = command.split(" ").map((arg) => (/^(run|plain|(mask|text)\.png)$/.test(arg) ? at(arg) : arg));
    await fails(message, code, ...args, "--out", at("never.safetensors"));
  });
}

test("classes of another data set, or none, are refused", async () => {
  const { code, stderr } = await ddpm("train", ...small, "--data", at("image"), "--conditional", "--out", at("never"));
  assert.equal(code, 1);
  assert.match(stderr, /Expected classes in .* for --conditional but found none; sub-folders of images are classes/);
});
