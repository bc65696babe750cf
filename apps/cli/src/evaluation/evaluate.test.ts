import assert from "node:assert/strict";
import { readdirSync, readFileSync, rmSync, statSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import sharp from "sharp";
import { folderOf, ramp } from "../../test/images.ts";
import { ddpm, fails, small, succeeds } from "../cli-process.ts";
import type { Evaluation } from "./evaluation.ts";

const folder = await folderOf({
  "pets/train/a.png": await ramp(8, 8, 1),
  "pets/test/b.png": await ramp(8, 8, 2),
  "apart/a.png": await ramp(8, 8, 1),
});
const at = (...names: string[]): string => join(folder, ...names);
const few = ["--reference", "300", "--images", "70", "--samples", "64"];

before(() => succeeds("train", ...small, "--diffusion.timesteps", "12", "--steps", "2", "--out", at("run")));

const evaluated = async (name: string, ...args: string[]): Promise<Evaluation> => {
  const how = args.includes("--sweep") ? [] : ["--steps", "3"];
  await succeeds("evaluate", "--checkpoint", at("run"), ...few, ...how, "--out", at(name), ...args);
  return JSON.parse(readFileSync(at(name, "evaluation.json"), "utf8")) as Evaluation;
};

test("what it says stands in its report and its numbers, and the same command changes nothing", async () => {
  const said = await succeeds("evaluate", "--checkpoint", at("run"), ...few, "--steps", "3");
  const place = at("run", "evaluation");
  assert.match(said, /^[\d.]+ ± [\d.]+ bits a dimension \(prior [\d.e-]+, decoder [\d.]+\) over 70 images of shapes, all 12 timesteps$/m);
  assert.match(said, /^in the 64 features of a classifier of shapes:$/m);
  assert.match(
    said,
    /^ {2}64 real images of shapes not learnt \(the floor\): KID -?[\d.]+ ± [\d.]+$/m,
    "64 images are too few for the FID of 64 features",
  );
  const before = readFileSync(join(place, "evaluation.json"), "utf8");
  const { results, floor, nearness } = JSON.parse(before) as Evaluation;
  assert.ok(results[0]!.distances.kid.mean > floor.kid.mean + 3 * floor.kid.error, "a model of two steps draws no shapes");
  assert.ok(nearness.count === 64 && nearness.drawn > nearness.real);
  const page = readFileSync(join(place, "report.html"), "utf8");
  for (const part of ["ddim, 3 calls", "real images, not learnt", "<svg", "data:image/png;base64,", "data.name"])
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

test("pictures drawn with other settings are not taken", async () => {
  await evaluated("settings");
  const line = ["evaluate", "--checkpoint", at("run"), ...few, "--steps", "3", "--out", at("settings")];
  await fails(/Expected images drawn with seed 1 in .*ddim-3 but found 0; choose another --out, or take the folder away/, 1, ...line, "--seed", "1");
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
  const { openDataset } = await import("../data/index.ts");
  const tests = await openDataset("shapes", { ...sizes, purpose: "tests" });
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
    return JSON.parse(readFileSync(join(out, "evaluation.json"), "utf8")) as Evaluation;
  };
  const [real, flat] = [await scored("real"), await scored("flat")];
  assert.ok(
    Math.abs(real.results[0]!.distances.fid!.unbiased.mean) < 4 * real.results[0]!.distances.fid!.unbiased.error,
    JSON.stringify(real.results),
  );
  assert.ok(flat.results[0]!.distances.fid!.unbiased.mean > 20 * real.results[0]!.distances.fid!.plain);
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
  await fails(/Expected at least 32, so that distances have an error/, 2, ...line, "--samples", "31");
  const { stderr } = await ddpm(...line, "--data", at("apart"));
  assert.match(stderr, /Taking all of .*apart: it has none in test\/ or of such a name beside those to train on/);
  assert.match(stderr, /Expected at least 32 images in .*apart and as many that are not learnt but found 1 and 0; choose other --data/);
  assert.doesNotMatch((await ddpm(...line, "--data", at("pets"))).stderr, /Taking all/);
});
