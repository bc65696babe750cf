import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { archive, folderOf, plain, ramp } from "../../test/images.ts";
import { ddpm, fails, stateOf, succeeds } from "../cli-process.ts";

const runs = await folderOf({});
const at = (name: string): string => join(runs, name);
const parquet = fileURLToPath(new URL("../../test/datasets.parquet", import.meta.url));

/** Mixed sizes, formats and channels in two classes, one of them broken. */
const files = {
  "cat/1.png": await plain(20, 30, [250, 120, 10]).png().toBuffer(),
  "cat/2.jpg": await plain(50, 33, [240, 100, 40]).jpeg().toBuffer(),
  "cat/3.png": await ramp(12, 40, 6),
  "cat/4.webp": await plain(8, 8, [200, 10, 10, 90]).webp().toBuffer(),
  "cat/5.png": (await plain(20, 30, [250, 120, 10]).png().toBuffer()).subarray(0, 45),
  "dog/1.webp": await plain(64, 16, [10, 40, 250]).webp().toBuffer(),
  "dog/2.png": await plain(9, 9, [30, 60, 200, 255]).png({ palette: true }).toBuffer(),
};
const pets = await folderOf(files);
const tiny = "--preset tiny --train.batch 4 --train.sampleEvery 1000".split(" ");
const small = [...tiny, "--data.height", "8", "--data.width", "12", "--data.crop", "random"];

test("a folder of mixed images trains; the broken one is counted and named", async () => {
  const { code, stderr } = await ddpm("train", "--data", pets, ...small, "--steps", "4", "--out", at("whole"));
  assert.equal(code, 0, stderr);
  assert.match(stderr, /Training on \S+ \(7 images of 8×12×3\)/);
  assert.match(stderr, /Waited for images \d+\.\d % of the time/);
  assert.match(stderr, /Left out 1 of 7 images, which cannot be read: \S+cat.5\.png \(/);
});

test("a class of which no image can be read ends a run that is told classes, and no other", async () => {
  const folder = await folderOf({ "lost/1.png": "no image", "dog/1.png": await ramp(8, 8, 9), "dog/2.png": await ramp(8, 8, 20) });
  const train = ["train", "--data", folder, ...tiny, "--epochs", "1", "--out"];
  await succeeds(...train, at("unconditional"));
  await fails(/in class lost of \S+ that can be read but found none: .*; mend one,/, 1, ...train, at("conditional"), "--conditional");
});

test("a run on a folder that was stopped ends in the same bytes as one that was not", async () => {
  await succeeds("train", "--data", pets, ...small, "--steps", "1", "--out", at("parts"));
  await succeeds("train", "--resume", "--steps", "4", "--out", at("parts"));
  assert.ok(stateOf(at("whole")).equals(stateOf(at("parts"))));
  assert.ok(readFileSync(at("whole/model.safetensors")).equals(readFileSync(at("parts/model.safetensors"))));
});

test("a zip archive trains to the bytes of the folder", async () => {
  await succeeds("train", "--data", await archive(files, true), ...small, "--steps", "4", "--out", at("zip"));
  const tensors = (run: string) => stateOf(at(run)).subarray(-100_000); // the head names the archive
  assert.ok(tensors("zip").equals(tensors("whole")));
});

test("--strict ends at the broken image, and images of several sizes need a size", async () => {
  const train = ["train", "--data", pets, ...tiny, "--out"];
  const strict = [...train, at("strict"), ...small, "--epochs", "1", "--strict"];
  await fails(/Expected an image at \S+cat.5\.png but found .+; leave out --strict to go on without it/, 1, ...strict);
  await fails(
    /Expected images of one size but 6 have 8 to 64 × 8 to 40 pixels; add --data\.height 12 --data\.width 12\n/,
    1,
    ...train,
    at("refused"),
  );
  const wrong = [at("refused"), "--data.height", "9", "--data.width", "12"];
  await fails(/data\.height to be divisible by 2, which the 2 levels .* such as 8 or 10, but found 9\n/, 2, ...train, ...wrong);
});

test("parquet trains, at the next size below that the levels allow", async () => {
  const { code, stderr } = await ddpm(
    "train",
    ...["--data", parquet, ...tiny, "--model.dimMults", "1,1,1,1", "--steps", "2", "--out", at("parquet")],
  );
  assert.equal(code, 0, stderr);
  assert.match(stderr, /Taking 24×24 of 28 × 28 pixels, for 4 levels; --data\.height and --data\.width choose another/);
  assert.match(stderr, /\(6 images of 24×24×1\)/);
});

test("data inspect describes a folder, draws it, and speaks JSON", async () => {
  const text = await succeeds("data", "inspect", pets, "--out", at("grid.png"));
  assert.match(text, /a folder of images\n {2}images {4}7, all of them looked at\n {2}broken {4}1, which training leaves out/);
  assert.match(text, /classes {3}2: cat \(5, 1 broken\), dog \(2\)\n/);
  assert.match(text, /needs a size, since images differ: add --data\.height 12 --data\.width 12/);
  assert.match(text, /Drew \S+grid\.png, whose rows are cat, dog/);
  assert.deepEqual([...readFileSync(at("grid.png")).subarray(1, 4)], [...Buffer.from("PNG")]);
  const report = JSON.parse(await succeeds("data", "inspect", parquet, "--json")) as { count: number; classes: object };
  assert.equal(report.count, 6);
  assert.deepEqual(report.classes, [
    { name: "top", count: 5, broken: 0 },
    { name: "trouser", count: 1, broken: 0 },
  ]);
  await fails(/Expected an image at \S+cat.5\.png but found/, 1, "data", "inspect", pets, "--strict");
  const wrong = ["--data.height", "18", "--model.dimMults", "1,2,4,8"];
  await fails(/data\.height to be divisible by 8, .* but found 18/, 1, "data", "inspect", "no-such-folder", ...wrong); // before a file is read
  assert.match(await succeeds("data", "inspect", "shapes", "--model.dimMults", "1,2,4,8"), /takes 24×24×1.*\n.*divisible by 8/);
  await fails(
    /Expected fashion-mnist, shapes, or a path.*, but found no such file or folder; check the path/,
    1,
    "data",
    "inspect",
    "no-such-folder",
  );
  await fails(/Expected --out to end in \.png but found grid\.jpg/, 2, "data", "inspect", pets, "--out", "grid.jpg");
});
