import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { startNoise } from "@ddpm/core/random";
import { decode as decodeTensors, encode } from "@ddpm/core/safetensors";
import { decode } from "fast-png";
import sharp from "sharp";
import { folderOf } from "../test/images.ts";
import { picturesOf, textsOf } from "../test/svg.ts";
import { fails, small, succeeds } from "./cli-process.ts";
import { evenNumbers } from "./even-numbers.ts";
import { grid } from "./picture.ts";

const folder = await folderOf({});
const at = (name: string): string => join(folder, name);
const sample = (...args: string[]) => succeeds("sample", "--checkpoint", at("run"), "--sampler", "ddim", "--seed", "4", ...args);
const single = (x: Float32Array): number[] => [...grid(x, 1, 8, 8, 1, { gap: 0 }).data];

before(async () => {
  await succeeds("train", ...small, "--steps", "1", "--out", at("run"));
  await succeeds("train", ...small, "--conditional", "--steps", "1", "--out", at("classes"));
});

test("a strip goes from the start noise to the images, through some of the steps", async () => {
  await sample("--steps", "12", "--count", "10", "--out", at("x.safetensors"), "--trajectory", at("strip.svg"));
  const svg = readFileSync(at("strip.svg"), "utf8");
  assert.match(textsOf(svg)[1]!, /after the last step; 8 of 10 images$/);
  const columns = textsOf(svg).slice(2);
  assert.equal(columns.length, 9);
  assert.equal(columns.at(-1), "image");
  const ts = columns.slice(0, -1).map((text) => Number(/^t = (\d+)$/.exec(text)![1]));
  assert.deepEqual(
    ts,
    [...ts].sort((a, b) => b - a),
  );
  const pictures = picturesOf(svg);
  assert.equal(pictures.length, 8 * 9);
  const noise = startNoise(4, 10, 64);
  const images = decodeTensors(readFileSync(at("x.safetensors"))).tensors.get("samples")!.data as Float32Array;
  for (const [row, i] of evenNumbers(0, 9, 8).entries()) {
    assert.deepEqual([...pictures[9 * row]!.data], single(noise.subarray(64 * i, 64 * i + 64)), `noise ${i}`);
    assert.deepEqual([...pictures[9 * row + 8]!.data], single(images.subarray(64 * i, 64 * i + 64)), `image ${i}`);
  }
});

test("a strip starts from what --init gives, and has no more columns than steps", async () => {
  const xT = Float32Array.from({ length: 64 }, (_, i) => i / 32 - 1);
  writeFileSync(at("xT.safetensors"), encode(new Map([["xT", { shape: [1, 1, 8, 8], data: xT }]])));
  await sample("--steps", "2", "--init", at("xT.safetensors"), "--out", at("one.png"), "--trajectory", at("one.svg"));
  const svg = readFileSync(at("one.svg"), "utf8");
  assert.match(textsOf(svg).slice(2).join(), /^t = \d+,t = \d+,image$/);
  assert.deepEqual([...picturesOf(svg)[0]!.data], single(xT));
});

test("a GIF shows the grid step by step and holds the last", async () => {
  await sample("--steps", "5", "--count", "4", "--out", at("grid.png"), "--trajectory", at("way.gif"));
  const file = readFileSync(at("way.gif"));
  const { pages, pageHeight, width, delay, loop } = await sharp(file, { animated: true }).metadata();
  const grid = decode(readFileSync(at("grid.png")));
  assert.deepEqual({ pages, pageHeight, width, loop }, { pages: 6, pageHeight: grid.height, width: grid.width, loop: 0 });
  assert.deepEqual(delay, [80, 80, 80, 80, 80, 1500]);
  const last = await sharp(file, { page: 5 }).removeAlpha().toColourspace("b-w").raw().toBuffer();
  assert.equal(last.length, grid.data.length);
  for (const [i, x] of last.entries()) assert.ok(Math.abs(x - grid.data[i]!) <= 8, `${x} for ${grid.data[i]}`);
});

const sampleClasses = (...args: string[]) =>
  succeeds("sample", "--checkpoint", at("classes"), "--class", "all", "--sampler", "ddim", "--steps", "3", ...args);

test("a GIF of classes has a row for each, as the grid, and the last line names its file", async () => {
  const said = await sampleClasses("--count", "15", "--out", at("classes.png"), "--trajectory", at("classes.gif"));
  assert.ok(said.includes(at("classes.png")) && said.includes(at("classes.gif")), said);
  const { width, height } = await sharp(readFileSync(at("classes.gif"))).metadata();
  const grid = decode(readFileSync(at("classes.png")));
  assert.deepEqual([width, height], [grid.width, grid.height]);
});

test("a strip of more images than are drawn at once shows all classes by name, each image from its noise on", async () => {
  await sampleClasses("--count", "90", "--seed", "4", "--out", at("many.safetensors"), "--trajectory", at("many.svg"));
  const svg = readFileSync(at("many.svg"), "utf8");
  const texts = textsOf(svg);
  assert.match(texts[1]!, /; 8 of 90 images$/);
  assert.deepEqual(texts.slice(6), ["disc", "disc", "square", "triangle", "triangle", "ring", "cross", "cross"]);
  const [pictures, noise] = [picturesOf(svg), startNoise(4, 90, 64)];
  const images = decodeTensors(readFileSync(at("many.safetensors"))).tensors.get("samples")!.data as Float32Array;
  for (const [row, i] of evenNumbers(0, 89, 8).entries()) {
    assert.deepEqual([...pictures[4 * row]!.data], single(noise.subarray(64 * i, 64 * i + 64)), `noise ${i}`);
    assert.deepEqual([...pictures[4 * row + 3]!.data], single(images.subarray(64 * i, 64 * i + 64)), `image ${i}`);
  }
});

test("a GIF of very many images shows some rows and columns of the grid", async () => {
  await sampleClasses("--count", "100", "--out", at("many.png"), "--trajectory", at("many.gif"));
  const { width, height } = await sharp(readFileSync(at("many.gif"))).metadata();
  assert.deepEqual([width, height], [16 * 66 - 2, 5 * 66 - 2]);
});

test("a strip that starts from images says so", async () => {
  writeFileSync(
    at("image.png"),
    await sharp({ create: { width: 8, height: 8, channels: 3, background: "#888" } })
      .png()
      .toBuffer(),
  );
  const from = ["--image", at("image.png"), "--strength", "0.5", "--steps", "4", "--count", "1"];
  await sample(...from, "--out", at("edited.png"), "--trajectory", at("edited.svg"));
  assert.equal(textsOf(readFileSync(at("edited.svg"), "utf8"))[0], "From a noised image to a new one");
});

test("the trajectory may not overwrite the images", async () => {
  const args = ["sample", "--checkpoint", at("run"), "--out", at("same.png"), "--trajectory", `${folder}/./same.png`];
  await fails(/Expected --trajectory to be another file than --out but found .*same.png for both/, 2, ...args);
});

test("a path that can be neither strip nor GIF is refused before the work", async () => {
  const args = ["sample", "--checkpoint", at("none"), "--out", at("x.png"), "--trajectory", at("way.mp4")];
  await fails(/Expected --trajectory to end in .png or .svg or .gif but found .*way.mp4/, 2, ...args);
});
