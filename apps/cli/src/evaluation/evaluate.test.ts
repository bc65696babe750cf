import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { before, test } from "node:test";
import { shapes } from "@ddpm/core";
import sharp from "sharp";
import { folderOf, ramp } from "../../test/images.ts";
import { ddpm, fails, small, succeeds } from "../cli-process.ts";
import { openTests } from "../data/index.ts";
import { type Evaluation, evaluationFile, evaluationOf } from "./evaluation.ts";

const folder = await folderOf({
  "pets/train/a.png": await ramp(8, 8, 1),
  "pets/test/b.png": await ramp(8, 8, 2),
  "apart/a.png": await ramp(8, 8, 1),
});
const at = (...names: string[]): string => join(folder, ...names);
const few = ["--reference", "300", "--images", "70", "--samples", "64"];

before(() => succeeds("train", ...small, "--diffusion.timesteps", "12", "--steps", "2", "--out", at("run")));

const readEvaluation = (folder: string): Evaluation => evaluationOf(readFileSync(join(folder, evaluationFile), "utf8"), folder);

const evaluated = async (name: string, ...args: string[]): Promise<Evaluation> => {
  const how = args.includes("--sweep") ? [] : ["--steps", "3"];
  await succeeds("evaluate", "--checkpoint", at("run"), ...few, ...how, "--out", at(name), ...args);
  return readEvaluation(at(name));
};

test("what it says stands in its report and its numbers, and the same command changes nothing", async () => {
  const said = await succeeds("evaluate", "--checkpoint", at("run"), ...few, "--steps", "3");
  const place = at("run", "evaluation", "step-000002");
  assert.match(said, /^[\d.]+ ± [\d.]+ bits a dimension \(prior [\d.e-]+, decoder [\d.]+\) over 70 images of shapes, all 12 timesteps$/m);
  assert.match(said, /^in the 64 features of a classifier of shapes:$/m);
  assert.match(
    said,
    /^ {2}64 real images not learnt of shapes \(the floor\): KID -?[\d.]+ ± [\d.]+$/m,
    "64 images are too few for the FID of 64 features",
  );
  const before = readFileSync(join(place, "evaluation.json"), "utf8");
  const { results, floor, nearness } = evaluationOf(before, place);
  assert.ok(results[0]!.distances.kid.mean > floor.kid.mean + 3 * floor.kid.error, "a model of two steps draws no shapes");
  assert.ok(nearness.count === 64 && nearness.drawn > nearness.real);
  const page = readFileSync(join(place, "report.html"), "utf8");
  for (const part of ["<h1>Evaluation of run</h1>", "ddim, 3 calls", "real images not learnt", "<svg", "data:image/png;base64,", "data.name"])
    assert.ok(page.includes(part), part);
  assert.doesNotMatch(page, /<script|https?:\/\/(?!www\.w3\.org)/, "nothing from elsewhere");
  await succeeds("evaluate", "--checkpoint", at("run"), ...few, "--steps", "3");
  assert.equal(readFileSync(join(place, "evaluation.json"), "utf8"), before);
});

test("it goes on with the pictures and the terms that are there, and draws what is missing", async () => {
  const whole = await evaluated("whole");
  const samples = at("whole", "samples", "ddim-3");
  const picture = join(samples, "000010.png");
  const [bytes, others] = [readFileSync(picture), join(samples, "000063.png")];
  utimesSync(others, 1, 1);
  rmSync(picture);
  assert.deepEqual(await evaluated("whole"), whole);
  assert.deepEqual(readFileSync(picture), bytes);
  assert.notEqual(statSync(others).mtimeMs, 1000, "a batch is drawn in whole");
  utimesSync(others, 1, 1);
  const more = await evaluated("whole", "--samples", "130");
  assert.equal(statSync(others).mtimeMs, 1000, "what is there is not drawn again");
  assert.deepEqual([more.results[0]!.distances.count, readdirSync(samples).length], [130, 131]);
  assert.deepEqual(more.bound, whole.bound);
});

test("the checkpoint is read once, so that the sum in the report is that of the model", async () => {
  const [model, fifo] = [at("run", "model.safetensors"), at("fifo.safetensors")];
  execFileSync("mkfifo", [fifo]);
  const bytes = readFileSync(model);
  const fed = writeFile(fifo, bytes); // whoever reads it again waits for ever
  await succeeds("evaluate", "--checkpoint", fifo, ...few, "--steps", "3", "--no-bound");
  await fed;
  const { model: told } = readEvaluation(at("fifo-evaluation"));
  assert.equal(told!.sha256, createHash("sha256").update(bytes).digest("hex"));
});

test("pictures drawn with other settings are not taken", async () => {
  await evaluated("settings", "--eta", "1");
  const line = ["evaluate", "--checkpoint", at("run"), ...few, "--steps", "3", "--out", at("settings")];
  await fails(/Expected images drawn with eta null in .*ddim-3 but found 1; choose another --out, or take the folder away/, 1, ...line);
  const larger = ["--eta", "1", "--data.height", "16", "--data.width", "16"];
  await fails(/Expected images drawn with shape "16×16×1" in .* but found "8×8×1"/, 1, ...line, ...larger);
  writeFileSync(at("settings", "samples", "ddim-3", "settings.json"), "{");
  await fails(/Expected how its images were drawn in .*settings\.json but found a damaged file; choose another --out/, 1, ...line);
});

test("the bound is the same for the same seed, and few timesteps come near all", async () => {
  const all = (await evaluated("all")).bound!;
  assert.equal(all.strata.length, 12);
  const again = (await evaluated("again", "--timesteps", "6")).bound!;
  const other = (await evaluated("other", "--seed", "1")).bound!;
  assert.notEqual(other.bits.mean, all.bits.mean);
  assert.ok(Math.abs(again.bits.mean - all.bits.mean) < 5 * Math.hypot(again.bits.error, all.bits.error), `${again.bits.mean} for ${all.bits.mean}`);
  const sum = all.strata.reduce((sum, { length, bits }) => sum + length * bits.mean, all.prior.mean);
  assert.ok(Math.abs(sum - all.bits.mean) < 1e-9);
});

test("pictures of others are scored as drawn ones are: the real ones are near, flat ones far", async () => {
  const sizes = { height: 8, width: 8, channels: 1 } as const;
  const { tests } = await openTests("shapes", sizes);
  const files: Record<string, Uint8Array> = {};
  for (let i = 0; i < 200; i++) {
    const raw = (await tests.pixels(i + 5000, 0.5)) as Uint8Array;
    files[`real/${i}.png`] = await sharp(raw, { raw: sizes }).toColourspace("b-w").png().toBuffer();
    files[`flat/${i}.png`] = await ramp(8, 8, i % 30);
  }
  const pictures = await folderOf(files);
  const scored = async (name: string): Promise<Evaluation> => {
    const out = join(pictures, `${name}-out`);
    await succeeds(
      "evaluate",
      "--pictures",
      join(pictures, name),
      "--data",
      "shapes",
      "--reference",
      "300",
      "--data.height",
      "8",
      "--data.width",
      "8",
      "--data.flip",
      "false",
      "--out",
      out,
    );
    return readEvaluation(out);
  };
  const [real, flat] = [await scored("real"), await scored("flat")];
  const [realFid, flatFid] = [real, flat].map(({ results }) => results[0]!.distances.fid!.plain);
  assert.ok(flatFid! > 20 * realFid!, `${flatFid} and ${realFid}`);
  const { mean, error } = real.results[0]!.distances.kid;
  assert.ok(Math.abs(mean) < 4 * error, `${mean} ± ${error}`);
});

test("pictures that are copies are seen to be, also of data that tell no images for tests apart, and broken ones are named", async () => {
  const files: Record<string, Uint8Array> = {};
  for (let i = 0; i < 80; i++)
    files[`${i}.png`] = await sharp(shapes().pixels(i), { raw: { height: 28, width: 28, channels: 1 } })
      .png()
      .toBuffer();
  const pictures = await folderOf(files);
  const out = await folderOf({});
  const line = ["evaluate", "--pictures", pictures, "--data", pictures, "--features", "pixels", "--out", out];
  const said = await succeeds(...line);
  assert.match(said, /^median distance to the nearest image to learn from: 0\.000 of 64 drawn ones, 0\.[1-9]\d* of other real images$/m);
  const { heldOut, floor } = readEvaluation(out);
  assert.deepEqual([heldOut, floor.count, floor.fid], [false, 40, undefined]);
  assert.match(readFileSync(join(out, "report.html"), "utf8"), /These data tell no images for tests apart/);
  writeFileSync(join(pictures, "7.png"), "no picture");
  await fails(/Expected an image at .*7\.png but found .*; (take it away|mend it)/, 1, ...line);
});

test("a model with classes is asked for each as often as the data have it, and for none that it does not know", async () => {
  await succeeds("train", ...small, "--conditional", "--diffusion.timesteps", "12", "--steps", "2", "--out", at("classes"));
  const line = ["evaluate", "--checkpoint", at("classes"), ...few, "--steps", "3"];
  await succeeds(...line);
  await fails(
    /Expected classes in fashion-mnist that the model has \(disc, square, triangle, ring, cross\) but found .*; choose other --data/,
    1,
    ...[...line, "--data", "fashion-mnist", "--out", at("unknown")],
  );
});

test("a sweep draws each point once, tells how far it is from where more steps lead, and its chart has a dot for each", async () => {
  const { reference, results } = await evaluated("sweep", "--no-bound", "--samples", "130", "--sweep", "heun:2,11", "ddim:11,2", "ddpm:2");
  assert.deepEqual(
    results.map(({ sampler, steps }) => `${sampler} ${steps}`),
    ["heun 2", "heun 11", "ddim 11", "ddim 2", "ddpm 2"],
  );
  assert.ok(reference!.steps > 11 && reference!.count === 64, "as many calls as 12 timesteps allow");
  const [heunFew, heunMany, ddimMany, ddimFew, ddpm] = results.map(({ fromReference }) => fromReference);
  assert.ok(heunFew! > heunMany! && ddimFew! > ddimMany! && ddimMany! > 0, JSON.stringify(results));
  assert.equal(ddpm, undefined, "its images are others");
  assert.match(readFileSync(at("sweep", "quality.svg"), "utf8"), /How far from where more steps lead/);
});

test("mistakes are told before any work, and data without images for tests are said to be", async () => {
  const line = ["evaluate", "--checkpoint", at("run"), "--out", at("mistakes")];
  await fails(/Expected timesteps of the bound to be an integer in \[1, 12\] but found 13/, 1, ...line, "--timesteps", "13");
  await fails(
    /Expected at least 10001 images for tests in shapes but found 10000; choose fewer --images, or other --data/,
    1,
    ...line,
    "--images",
    "10001",
  );
  await fails(/--sweep ddim:500 from sigma 80 down: .*\[1, 11\].* but found 500/, 1, ...line, "--sweep", "ddim:3,500");
  await fails(/Expected a sampler among ddpm, .* and its model calls, as ddim:10,20/, 2, ...line, "--sweep", "10");
  await fails(/Expected --checkpoint or --pictures but found neither; add one/, 2, "evaluate");
  await fails(/Expected what --pictures are to be like but found no --data; add it/, 2, "evaluate", "--pictures", at("apart"));
  await fails(/Expected at least 32, so that what is found has an error/, 2, ...line, "--samples", "31");
  await fails(/Expected at least 2, so that what is found has an error/, 2, "evaluate", "--images", "1");
  const pictures = ["evaluate", "--pictures", at("apart")];
  await fails(/'--pictures <path>' cannot be used with option '--steps <n>'/, 2, ...pictures, "--steps", "3");
  await fails(/Expected at least 32 pictures in .*apart but found 1; choose a folder with more/, 1, ...pictures, "--data", "shapes");
  const { stderr } = await ddpm(...line, "--data", at("apart"));
  assert.match(stderr, /Taking all of .*apart: it has none in test\/ or of such a name beside those to train on/);
  assert.match(stderr, /Expected at least 32 images in .*apart and as many others for comparison but found 1 and 0; choose other --data/);
  assert.doesNotMatch((await ddpm(...line, "--data", at("pets"))).stderr, /Taking all/);
});
