import assert from "node:assert/strict";
import { test } from "node:test";
import { batch, type Dataset, stepsPerEpoch } from "./dataset.ts";

/** Ten images of 1 × 3 whose middle pixel is the index and whose left and right tell the sides apart. */
const ten: Dataset = { name: "ten", count: 10, height: 1, width: 3, channels: 1, pixels: (i) => Uint8Array.of(100, i, 200) };
const options = { seed: 3, batch: 4, flip: false };
const toByte = (x: number): number => Math.round((x + 1) * 127.5);
const indices = (images: Float32Array, count: number): number[] => Array.from({ length: count }, (_, i) => toByte(images[i * 3 + 1]!));
const epochOf = (epoch: number, seed = 3): number[] =>
  [1, 2, 3].flatMap((step) => {
    const { images, count } = batch(ten, { ...options, seed, step: epoch * 3 + step });
    return indices(images, count);
  });

test("an epoch shows every image once, each epoch and each seed in another order", () => {
  const orders = [epochOf(0), epochOf(1), epochOf(0, 4)];
  for (const order of orders)
    assert.deepEqual(
      order.toSorted((a, b) => a - b),
      [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
    );
  assert.equal(new Set(orders.map((order) => order.join())).size, 3);
});

test("a batch depends on seed and step alone, whatever was drawn before", () => {
  const at = (step: number) => batch(ten, { ...options, flip: true, step });
  const first = [1, 2, 3, 4, 5].map(at);
  for (const step of [5, 1, 4, 2, 3]) assert.deepEqual(at(step), first[step - 1]);
  assert.deepEqual(
    first.map(({ epoch }) => epoch),
    [0, 0, 0, 1, 1],
  );
});

test("the last partial batch is padded with images that weigh nothing", () => {
  assert.equal(stepsPerEpoch(ten, 4), 3);
  const { images, weights, count } = batch(ten, { ...options, step: 3 });
  assert.equal(count, 2);
  assert.equal(images.length, 12);
  assert.deepEqual([...weights], [1 / 6, 1 / 6, 0, 0].map(Math.fround));
  assert.deepEqual([...images.subarray(6)], [0, 0, 0, 0, 0, 0]);
});

test("bytes become [-1, 1]", () => {
  const ends: Dataset = { name: "ends", count: 1, height: 1, width: 2, channels: 1, pixels: () => Uint8Array.of(0, 255) };
  assert.deepEqual([...batch(ends, { seed: 0, batch: 1, step: 1, flip: false }).images], [-1, 1]);
});

test("flips mirror about half of the images, columns only, pixels whole", () => {
  const colour: Dataset = {
    name: "colour",
    count: 1000,
    height: 2,
    width: 2,
    channels: 3,
    pixels: () => Uint8Array.from({ length: 12 }, (_, i) => i),
  };
  const { images } = batch(colour, { seed: 0, batch: 1000, step: 1, flip: true });
  const rows = Array.from({ length: 1000 }, (_, i) => [...images.subarray(i * 12, i * 12 + 12)].map(toByte).join(" "));
  assert.deepEqual(new Set(rows), new Set(["0 1 2 3 4 5 6 7 8 9 10 11", "3 4 5 0 1 2 9 10 11 6 7 8"]));
  const mirrored = rows.filter((row) => row.startsWith("3")).length;
  assert.ok(mirrored > 430 && mirrored < 570, `${mirrored}`);
});

test("the same images flip anew in each epoch", () => {
  const one: Dataset = { ...ten, count: 1 };
  const sides = Array.from({ length: 32 }, (_, i) => toByte(batch(one, { seed: 0, batch: 1, step: i + 1, flip: true }).images[0]!));
  assert.deepEqual(new Set(sides), new Set([100, 200]));
});
