import assert from "node:assert/strict";
import { test } from "node:test";
import { normals, stream } from "@ddpm/core/random";
import { kernelDistance } from "./kernel-distance.ts";

const size = 8;
const cloud = (seed: number, shift = 0, count = 512): Float32Array =>
  Float32Array.from(normals(stream(seed, "noise"), count * size), (x) => x / 2 + shift);

test("the distance of one distribution from itself is nothing within its error, and grows with a shift", () => {
  const same = kernelDistance(cloud(1), cloud(2), size);
  assert.ok(Math.abs(same.mean) < 4 * same.error, `${same.mean} ± ${same.error}`);
  const [near, far] = [kernelDistance(cloud(1), cloud(2, 0.1), size), kernelDistance(cloud(1), cloud(2, 0.3), size)];
  assert.ok(near.mean > same.mean + 4 * same.error && far.mean > 3 * near.mean, `${near.mean} and ${far.mean}`);
});

test("it is the formula, worked out for constant vectors", () => {
  // Every kernel within a set of vectors c is (c² + 1)³, and between sets of c and d it is (cd + 1)³
  const constant = (c: number): Float32Array => new Float32Array(128 * size).fill(c);
  const { mean, error } = kernelDistance(constant(0.5), constant(-1), size);
  assert.ok(Math.abs(mean - (1.25 ** 3 + 2 ** 3 - 2 * 0.5 ** 3)) < 1e-9, `${mean}`);
  assert.equal(error, 0);
});

test("too few images are a RangeError", () => {
  assert.throws(() => kernelDistance(cloud(1, 0, 100), cloud(2), size), /Cannot compare 100 images with 512, which is fewer than 128/);
});
