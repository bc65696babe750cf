import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { folderOf, ramp } from "../test/images.ts";
import { linesOf, textsOf } from "../test/svg.ts";
import { type BoundOfData, summarise } from "./bound-figure.ts";
import { ddpm, fails, small, succeeds } from "./cli-process.ts";

const folder = await folderOf({
  "pets/train/a.png": await ramp(8, 8, 1),
  "pets/test/b.png": await ramp(8, 8, 2),
  "apart/a.png": await ramp(8, 8, 1),
});
const at = (name: string): string => join(folder, name);

before(() => succeeds("train", ...small, "--diffusion.timesteps", "12", "--steps", "2", "--out", at("run")));

test("a bound is the prior and each stratum's term as often as it has timesteps, with the error of the images' mean", () => {
  const found = summarise({
    prior: Float64Array.of(0.5, 0.5),
    strata: [
      { first: 0, length: 1 },
      { first: 1, length: 3 },
    ],
    terms: [Float64Array.of(1, 2), Float64Array.of(0.1, 0.5)],
  });
  assert.equal(found.images, 2);
  assert.deepEqual(
    [found.bits.mean, found.bits.error].map((x) => x.toFixed(9)),
    ["2.900000000", "1.100000000"],
  ); // 1.8 and 4.0
  assert.equal(found.decoder?.mean, 1.5);
  assert.equal(found.strata[1]!.bits.mean, 0.3);
});

test("without t = 0 apart the decoder is not told", () => {
  const found = summarise({ prior: Float64Array.of(0, 0), strata: [{ first: 0, length: 4 }], terms: [Float64Array.of(1, 1)] });
  assert.deepEqual([found.decoder, found.bits.mean], [undefined, 4]);
});

const evaluated = async (name: string, ...args: string[]): Promise<BoundOfData> => {
  const out = at(`${name}.json`);
  await succeeds("evaluate", "--checkpoint", at("run"), "--images", "70", "--out", out, ...args);
  return JSON.parse(readFileSync(out, "utf8")) as BoundOfData;
};

test("ddpm evaluate says the same of the same seed, and few timesteps come near all", async () => {
  const all = await evaluated("all");
  assert.equal(all.strata.length, 12);
  const [few, again, other] = [
    await evaluated("few", "--timesteps", "6"),
    await evaluated("again", "--timesteps", "6"),
    await evaluated("other", "--seed", "1"),
  ];
  assert.deepEqual(few, again);
  assert.notEqual(other.bits.mean, all.bits.mean);
  assert.ok(Math.abs(few.bits.mean - all.bits.mean) < 5 * Math.hypot(few.bits.error, all.bits.error), `${few.bits.mean} for ${all.bits.mean}`);
  const sum = all.strata.reduce((sum, { length, bits }) => sum + length * bits.mean, all.prior.mean);
  assert.ok(Math.abs(sum - all.bits.mean) < 1e-9);
});

test("what it says and draws is the same, with a point for each stratum", async () => {
  const out = at("bound.svg");
  const said = await succeeds("evaluate", "--checkpoint", at("run"), "--images", "64", "--timesteps", "5", "--out", out);
  const [, bits, error] =
    /^([\d.]+) ± ([\d.]+) bits a dimension \(prior [\d.e-]+, decoder [\d.]+\) over 64 images of shapes, 5 of 12 timesteps each: /.exec(said)!;
  const svg = readFileSync(out, "utf8");
  assert.ok(textsOf(svg).some((text) => text.startsWith(`${bits} ± ${error} bits a dimension over 64 images of shapes`)));
  assert.equal(linesOf(svg)[0]![0]!.length, 5);
});

test("mistakes are told before any work, and data without images for tests are said to be", async () => {
  const line = ["evaluate", "--checkpoint", at("run")];
  await fails(/Expected timesteps of the bound to be an integer in \[1, 12\] but found 13/, 1, ...line, "--timesteps", "13");
  await fails(
    /Expected at least 10001 images for tests in shapes but found 10000; choose fewer --images, or other --data/,
    1,
    ...line,
    "--images",
    "10001",
  );
  await fails(/Expected --out to end in \.svg or \.png or \.json but found a\.txt; choose such an ending/, 2, ...line, "--out", "a.txt");
  const { stderr } = await ddpm(...line, "--images", "1", "--data", at("apart"));
  assert.match(stderr, /Taking all of .*apart: it has none in test\/ or of such a name beside those to train on/);
  assert.doesNotMatch((await ddpm(...line, "--images", "1", "--data", at("pets"))).stderr, /Taking all/);
});
