import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { permutation, stream, uniforms } from "@ddpm/core/random";
import { FrechetDistance } from "./frechet-distance.ts";
import { groups, partsOf } from "./jackknife.ts";
import { KernelDistance } from "./kernel-distance.ts";
import { Moments } from "./moments.ts";
import { rowsOf, type Vectors } from "./vectors.ts";

const { a, b, size, fid, kidOfFirst96 } = JSON.parse(await readFile(new URL("../../fixtures/feature-distances.json", import.meta.url), "utf8"));
const vectors = (values: readonly number[]): Vectors => ({ values: Float32Array.from(values), size });

/** About standard normal: sums of twelve uniform numbers. */
function normal(seed: number, count: number, size: number, shift = 0): Vectors {
  const u = uniforms(stream(seed, "shapes", 0), 12 * count * size);
  const values = Float32Array.from({ length: count * size }, (_, i) => u.subarray(12 * i, 12 * i + 12).reduce((sum, x) => sum + x, -6) + shift);
  return { values, size };
}

const frechetFrom = (vectors: Vectors) => new FrechetDistance(Moments.inParts(vectors, partsOf("real", rowsOf(vectors)), groups));

const near = (found: number, expected: number, part: number): void =>
  assert.ok(Math.abs(found - expected) <= part * Math.abs(expected), `${found} is not ${expected}`);

test("FID equals pytorch-fid's of the same features", () => {
  near(frechetFrom(vectors(b)).estimate(vectors(a))!.plain, fid, 1e-4);
});

test("KID equals torch-fidelity's and clean-fid's of the same features", () => {
  near(new KernelDistance(vectors(b.slice(0, 96 * size))).to(vectors(a)).mean, kidOfFirst96, 1e-4);
});

type Found = { readonly mean: number; readonly error: number };

/** How many errors the mean of independent estimates is away from 0. */
const z = (found: readonly Found[]): number =>
  Math.abs(found.reduce((sum, { mean }) => sum + mean, 0)) / Math.hypot(...found.map(({ error }) => error));

test("few images of the same distribution are at about 0 by the unbiased FID and by KID, though not by the plain FID", () => {
  const [frechet, kernel] = [frechetFrom(normal(1, 20_000, 8)), new KernelDistance(normal(2, 1500, 8))];
  const sets = [3, 4, 5, 6, 7, 8].map((seed) => normal(seed, 160, 8));
  const fids = sets.map((set) => frechet.estimate(set)!);
  for (const { plain } of fids) assert.ok(plain > 0.1, `${plain}`);
  assert.ok(z(fids.map(({ unbiased }) => unbiased!)) < 3, JSON.stringify(fids));
  assert.ok(z(sets.map((set) => kernel.to(set))) < 3);
});

test("few real images bias the unbiased FID neither", () => {
  const fids = [3, 4, 5, 6, 7, 8].map((seed) => frechetFrom(normal(seed + 10, 200, 8)).estimate(normal(seed, 200, 8))!);
  assert.ok(z(fids.map(({ unbiased }) => unbiased!)) < 3, JSON.stringify(fids));
});

test("estimates are the same in whatever order images come, also where classes come in turn", () => {
  const inTurn = (seed: number): Float32Array => normal(seed, 1600, 4).values.map((x, i) => x + (Math.floor(i / 4) % 8)); // eight classes
  const [real, drawn] = [inTurn(3), inTurn(4)];
  const order = permutation(stream(5, "order"), 1600);
  const shuffled = drawn.map((_, i) => drawn[order[Math.floor(i / 4)]! * 4 + (i % 4)]!);
  const [frechet, kernel] = [frechetFrom({ values: real, size: 4 }), new KernelDistance({ values: real, size: 4 })];
  const found = [drawn, shuffled].map((values) => [frechet.estimate({ values, size: 4 })!.unbiased!, kernel.to({ values, size: 4 })] as const);
  for (const i of [0, 1]) {
    const [one, other] = [found[0]![i]!, found[1]![i]!];
    assert.ok(Math.abs(one.mean - other.mean) < 2 * one.error && one.error < 3 * other.error && other.error < 3 * one.error, JSON.stringify(found));
  }
});

test("FID is plain alone where images are fewer than four for each feature, and none where they are no more than features", () => {
  const frechet = frechetFrom(normal(1, 2000, 40));
  assert.deepEqual(Object.keys(frechet.estimate(normal(2, 100, 40))!), ["plain"]);
  assert.equal(frechet.estimate(normal(2, 40, 40)), undefined);
});

test("a shift by d in each of n features is at n·d² by FID, within its error", () => {
  const frechet = frechetFrom(normal(1, 20_000, 4));
  const { mean, error } = frechet.estimate(normal(2, 4000, 4, 0.5))!.unbiased!;
  assert.ok(Math.abs(mean - 1) < 4 * error && error < 0.1, `${mean} ± ${error}`);
});

test("errors are about the spread of estimates from other images", () => {
  const kernel = new KernelDistance(normal(2, 2000, 4));
  const found = Array.from({ length: 12 }, (_, i) => kernel.to(normal(10 + i, 200, 4, 0.2)));
  const mean = found.reduce((sum, { mean }) => sum + mean, 0) / found.length;
  const spread = Math.sqrt(found.reduce((sum, x) => sum + (x.mean - mean) ** 2, 0) / (found.length - 1));
  const told = found.reduce((sum, { error }) => sum + error, 0) / found.length;
  assert.ok(told > spread / 2 && told < 2 * spread, `told ${told}, found ${spread}`);
});

test("too few images are refused", () => {
  const few = normal(1, 31, 2);
  assert.throws(() => new KernelDistance(few), /^RangeError: Expected at least 32 images to compare but found 31; choose more$/);
  assert.throws(() => frechetFrom(normal(1, 64, 2)).estimate(few), /^RangeError: Expected at least 32 images/);
});
