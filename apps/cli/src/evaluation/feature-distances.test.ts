import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { stream, uniforms } from "@ddpm/core";
import { FrechetDistance, Sums } from "./frechet-distance.ts";
import { KernelDistance } from "./kernel-distance.ts";
import { firstOf, type Vectors } from "./vectors.ts";

const { a, b, size, fid, kidOfFirst96 } = JSON.parse(await readFile(new URL("../../fixtures/feature-distances.json", import.meta.url), "utf8"));
const vectors = (values: readonly number[]): Vectors => ({ values: Float32Array.from(values), size });

/** About standard normal: sums of twelve uniform numbers. */
function normal(seed: number, count: number, size: number, shift = 0): Vectors {
  const u = uniforms(stream(seed, "shapes", 0), 12 * count * size);
  const values = Float32Array.from({ length: count * size }, (_, i) => u.subarray(12 * i, 12 * i + 12).reduce((sum, x) => sum + x, -6) + shift);
  return { values, size };
}

const gaussianOf = (vectors: Vectors) => new Sums(vectors.size).add(vectors).gaussian();

const near = (found: number, expected: number, part: number): void =>
  assert.ok(Math.abs(found - expected) <= part * Math.abs(expected), `${found} is not ${expected}`);

test("FID equals pytorch-fid's of the same features", () => {
  near(new FrechetDistance(gaussianOf(vectors(b))).estimate(vectors(a)).plain, fid, 1e-4);
});

test("KID equals torch-fidelity's and clean-fid's of the same features", () => {
  near(new KernelDistance(firstOf(vectors(b), 96)).to(vectors(a)).mean, kidOfFirst96, 1e-4);
});

test("few images of the same distribution are at about 0 by the unbiased FID and by KID, though not by the plain FID", () => {
  const frechet = new FrechetDistance(gaussianOf(normal(1, 20_000, 8)));
  const kernel = new KernelDistance(normal(2, 1500, 8));
  const [frechets, kernels] = [3, 4, 5, 6, 7, 8]
    .map((seed) => normal(seed, 160, 8))
    .reduce<[ReturnType<typeof frechet.estimate>[], ReturnType<typeof kernel.to>[]]>(
      ([f, k], some) => [
        [...f, frechet.estimate(some)],
        [...k, kernel.to(some)],
      ],
      [[], []],
    );
  for (const { plain } of frechets) assert.ok(plain > 0.1, `${plain}`);
  const z = (found: readonly { readonly mean: number; readonly error: number }[]) =>
    Math.abs(found.reduce((sum, { mean }) => sum + mean, 0)) / Math.hypot(...found.map(({ error }) => error));
  assert.ok(z(frechets.map(({ unbiased }) => unbiased)) < 3, `${JSON.stringify(frechets)}`);
  assert.ok(z(kernels) < 3, `${JSON.stringify(kernels)}`);
});

test("a shift by d in each of n features is at n·d² by FID, within its error", () => {
  const frechet = new FrechetDistance(gaussianOf(normal(1, 20_000, 4)));
  const { mean, error } = frechet.estimate(normal(2, 4000, 4, 0.5)).unbiased;
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
  assert.throws(() => new FrechetDistance(gaussianOf(normal(1, 64, 2))).estimate(few), /^RangeError: Expected at least 32 images/);
});
