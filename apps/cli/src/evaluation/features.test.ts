import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { reference } from "@ddpm/core";
import { folderOf } from "../../test/images.ts";
import { bin } from "../cli-process.ts";
import { type FeaturesOptions, mirrored, openFeatures } from "./features.ts";
import { Resizer } from "./resizer.ts";

const fixture = (name: string): string => fileURLToPath(new URL(`../../fixtures/${name}`, import.meta.url));
const said: string[] = [];
const say = (line: string): void => void said.push(line);
const colour = { height: 12, width: 12, channels: 3 } as const;
const grey = { height: 6, width: 6, channels: 1 } as const;
const open = (options: Omit<FeaturesOptions, "say">, data = "elsewhere") => openFeatures(reference(), data, { ...options, say });

const image = Uint8Array.from({ length: 12 * 12 * 3 }, (_, i) => (i * 7) % 256);

/** Of that image, by NumPy: a 3×3 convolution, ReLU and the mean over pixels, with weights that are drawn. */
const expected = {
  signed: [0.11595, 1.65215, 0.71912, 1.10224],
  unit: [0, 4.1089, 1.34593, 0.18324],
  bytes: [11.38773, 950.82421, 459.34259, 38.08609],
  imagenet: [0.55737, 4.96645, 2.81427, 1.88606],
} as const;

test("features of an .onnx file are its first output, whatever it takes pixels as", async () => {
  for (const [pixelScale, numbers] of Object.entries(expected)) {
    await using features = await open({ file: fixture("colour-features.onnx"), image: colour, pixelScale: pixelScale as keyof typeof expected });
    assert.equal(features.size, 4);
    const found = await features.of(Uint8Array.from([...image, ...image, ...image.map(() => 0)]), 3);
    for (const first of [0, 4])
      for (const [i, x] of numbers.entries()) assert.ok(Math.abs(found[first + i]! - x) < 1e-4 * Math.max(1, x), `${pixelScale}`);
  }
});

test("a network that takes bytes of any size is given them as they are", async () => {
  await using features = await open({ file: fixture("byte-features.onnx"), image: grey });
  assert.deepEqual([...(await features.of(Uint8Array.from([...Array(35).fill(10), 46]), 1))], [11, 46]);
});

test("a network of a fixed number of images is given as many, and its features may have axes of length 1", async () => {
  await using features = await open({ file: fixture("pairs-features.onnx"), image: colour, pixelScale: "bytes" });
  const found = await features.of(
    Uint8Array.from({ length: 3 * 432 }, (_, i) => 10 * Math.floor(i / 432) + (i % 3)),
    3,
  );
  assert.deepEqual([...found].map(Math.round), [0, 1, 2, 10, 11, 12, 20, 21, 22]);
});

test("grey images are repeated to three channels, and resized to what a network takes", async () => {
  const out = await new Resizer(grey, { height: 3, width: 3, channels: 3 }).resize(new Uint8Array(72).fill(90), 2);
  assert.deepEqual(out, new Uint8Array(54).fill(90));
  await using features = await open({ file: fixture("colour-features.onnx"), image: grey });
  assert.equal((await features.of(new Uint8Array(36), 1)).length, 4);
});

test("a classifier comes with the program for shapes and Fashion-MNIST; for other images pixels are taken, which is said", async () => {
  for (const data of ["shapes", "fashion-mnist"]) {
    await using features = await open({ image: { height: 28, width: 28, channels: 1 } }, data);
    assert.deepEqual([features.name, features.size], [`a classifier of ${data}`, 64]);
  }
  assert.deepEqual(said, []);
  await using pixels = await open({ image: colour }, "shapes");
  assert.deepEqual([pixels.name, pixels.size], ["pixels", 432]);
  assert.match(said[0]!, /^Measuring in pixels, which tell little: no features come with the program for these images; --features takes/);
});

test("mirrored() mirrors each of several images left to right", () => {
  assert.deepEqual(mirrored(Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8), { width: 2, channels: 1 }), Uint8Array.of(2, 1, 4, 3, 6, 5, 8, 7));
  assert.deepEqual(mirrored(Uint8Array.of(1, 2, 3, 4, 5, 6), { width: 2, channels: 3 }), Uint8Array.of(4, 5, 6, 1, 2, 3));
});

test("files that hold no features are refused with what to give", async () => {
  const folder = await folderOf({ "odd.onnx": "odd", "odd.safetensors": "odd" });
  await assert.rejects(
    open({ file: join(folder, "odd.onnx"), image: colour }),
    /^SyntaxError: Expected a network in ONNX in .*odd\.onnx but found ".*"; export it again$/,
  );
  await assert.rejects(
    open({ file: join(folder, "od.onnx"), image: colour }),
    /Expected an \.onnx file at .*od\.onnx but found no such file or folder; did you mean .*odd\.onnx\?/,
  );
  await assert.rejects(
    open({ file: join(folder, "none.safetensors"), image: colour }),
    /Expected a file of features at .* but found no such file or folder; give what/,
  );
  await assert.rejects(
    open({ file: join(folder, "odd.safetensors"), image: colour }),
    /^SyntaxError: .*odd\.safetensors: Expected a safetensors file/,
  );
  await assert.rejects(
    open({ file: fixture("../../playground/public/models/shapes.safetensors"), image: colour }),
    /Expected a classifier in .* but found another model; give what ddpm classifier wrote/,
  );
  await assert.rejects(
    open({ file: fixture("../classifiers/shapes.safetensors"), image: colour }),
    /Expected features of images with 3 channels but found those of 1 in .*; choose other --features, or pixels/,
  );
  await assert.rejects(
    open({ file: fixture("byte-features.onnx"), image: colour }),
    /Expected a network for colour images in .* but found one for grey ones; choose another/,
  );
  await assert.rejects(
    open({ file: fixture("flat-features.onnx"), image: colour }),
    /Expected a network of one input \[n, 1 or 3, .*\] in .* but found x float32 \[n,784\]; export it so/,
  );
});

test("maps of features, and a pixel scale of what is no network, are refused", async () => {
  const maps = open({ file: fixture("map-features.onnx"), image: colour });
  await assert.rejects(
    maps,
    /Expected a network in .* whose first output is float32 \[n, features\] but found float32 \[1,3,12,12\]; export it with its features pooled/,
  );
  await assert.rejects(
    open({ file: "pixels", image: colour, pixelScale: "unit" }),
    /Expected --features with an \.onnx file for --pixel-scale but found pixels; leave it out/,
  );
});

test("where onnxruntime-node is not installed, it is said what to install", async () => {
  const hooks =
    "export const resolve = (name, context, next) => { if (name === 'onnxruntime-node') throw new Error('none'); return next(name, context); }";
  const url = (code: string): string => `data:text/javascript,${encodeURIComponent(code)}`;
  const without = url(`import { register } from "node:module"; register(${JSON.stringify(url(hooks))});`);
  const model = fixture("../../playground/public/models/shapes.safetensors");
  const line = [bin, "evaluate", "--checkpoint", model, "--features", fixture("colour-features.onnx"), "--out", await folderOf({})];
  const { stderr } = await promisify(execFile)(process.execPath, ["--import", without, ...line]).catch((error: { stderr: string }) => error);
  assert.match(stderr, /^ddpm: Expected onnxruntime-node for features from an \.onnx file but found none; run npm install onnxruntime-node$/m);
});
