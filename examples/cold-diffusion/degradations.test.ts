import assert from "node:assert/strict";
import { test } from "node:test";
import { configure } from "@ddpm/core";
import { degradationNames, degradations } from "./degradations.ts";

const T = 20;
const config = configure({ "data.height": 16, "data.width": 20, "model.channels": 3, "model.dimMults": [1], "diffusion.timesteps": T });
const size = 16 * 20 * 3;
/** A checkerboard of single pixels, whose channels differ: all of it is fine detail. */
const board = Float32Array.from({ length: size }, (_, i) => ((Math.floor(i / 3) + Math.floor(i / 60)) % 2 === 0 ? 0.9 : -0.7) - (i % 3) * 0.1);
const distance = (a: Float32Array, b: Float32Array): number => a.reduce((sum, x, i) => sum + Math.abs(x - b[i]!), 0) / a.length;
const times = Array.from({ length: T + 1 }, (_, t) => t);

for (const name of degradationNames) {
  const D = degradations[name](config);

  test(`${name} at 0 is the image itself`, () => assert.deepEqual(D(board, 0, 7), board));

  test(`${name} is a function of image, t and seed, and leaves the image as it is`, () => {
    const before = board.slice();
    assert.deepEqual(D(board, 12, 7), degradations[name](config)(board, 12, 7));
    assert.deepEqual(board, before);
  });

  // What two images differ in is all that tells them apart
  test(`${name} loses more of the image at every step, and most of it in the end`, () => {
    const other = board.map((x) => -x);
    const left = times.map((t) => distance(D(board, t, 7), D(other, t, 7)));
    for (const t of times.slice(1)) assert.ok(left[t]! <= left[t - 1]! + 1e-5, `${left[t]} is left at ${t}, ${left[t - 1]} before`);
    assert.ok(left[T]! < 0.75 * left[0]!, `${left[T]} of ${left[0]} is left`);
  });

  test(`${name} leaves images in [-1, 1] there`, () => assert.ok(times.every((t) => D(board, t, 7).every((x) => Math.abs(x) <= 1))));
}

for (const name of ["blur", "pixelate"] as const) {
  test(`${name} leaves a plain image as it is`, () => {
    const plain = new Float32Array(size).fill(0.25);
    assert.ok(distance(degradations[name](config)(plain, T, 0), plain) < 1e-6);
  });
}

test("blur spreads a point by the variance that it should have", () => {
  const wide = configure({ "data.height": 1, "data.width": 101, "model.dimMults": [1], "diffusion.timesteps": T });
  const point = new Float32Array(101);
  point[50] = 1;
  const spread = degradations.blur(wide)(point, 5, 0);
  const variance = spread.reduce((sum, x, i) => sum + x * (i - 50) ** 2, 0);
  assert.ok(Math.abs(variance - ((5 / T) * (101 / 5)) ** 2) < 0.05, `${variance}`);
});

test("pixelate ends with blocks of their pixels' mean", () => {
  const square = configure({ "data.height": 16, "data.width": 16, "model.dimMults": [1], "diffusion.timesteps": T });
  const image = Float32Array.from({ length: 256 }, (_, i) => Math.sin(i));
  const end = degradations.pixelate(square)(image, T, 0);
  for (const i of [0, 3, 17, 100, 255]) {
    const [top, left] = [(i >> 6) * 4, ((i % 16) >> 2) * 4];
    const block = Array.from({ length: 16 }, (_, k) => image[(top + (k >> 2)) * 16 + left + (k % 4)]!);
    assert.ok(Math.abs(end[i]! - block.reduce((a, b) => a + b) / 16) < 1e-6);
  }
});

for (const [name, colour] of [
  ["mask", 0],
  ["snow", 1],
] as const) {
  test(`${name} covers an image at places of its own with ${colour}`, () => {
    const D = degradations[name](config);
    const covered = (seed: number, t: number): boolean[] => [...D(board, t, seed)].map((x, i) => Math.abs(x - board[i]!) > 0.05);
    assert.notDeepEqual(covered(1, T), covered(2, T));
    const [before, after] = [covered(1, T - 5), covered(1, T)];
    assert.ok(
      before.every((is, i) => !is || after[i]),
      "what was covered stays so",
    );
    assert.ok(D(board, T, 1).some((x) => Math.abs(x - colour) < 0.1) && after.includes(false));
  });
}
