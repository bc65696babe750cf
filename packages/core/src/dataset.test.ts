import assert from "node:assert/strict";
import { test } from "node:test";
import { batch, type Dataset, stepsPerEpoch } from "./dataset.ts";

/** Ten images of 1 × 3 whose middle pixel is the index and whose left and right tell the sides apart. */
const ten: Dataset = { name: "ten", count: 10, height: 1, width: 3, channels: 1, pixels: (i) => Uint8Array.of(100, i, 200) };
const options = { seed: 3, batch: 4, flip: false };
const toByte = (x: number): number => Math.round((x + 1) * 127.5);
const indices = (images: Float32Array, count: number): number[] => Array.from({ length: count }, (_, i) => toByte(images[i * 3 + 1]!));
const epochOf = async (epoch: number, seed = 3): Promise<number[]> => {
  const batches = await Promise.all([1, 2, 3].map((step) => batch(ten, { ...options, seed, step: epoch * 3 + step })));
  return batches.flatMap(({ images, count }) => indices(images, count));
};

test("an epoch shows every image once, each epoch and each seed in another order", async () => {
  const orders = await Promise.all([epochOf(0), epochOf(1), epochOf(0, 4)]);
  for (const order of orders)
    assert.deepEqual(
      order.toSorted((a, b) => a - b),
      [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
    );
  assert.equal(new Set(orders.map((order) => order.join())).size, 3);
});

test("a batch depends on seed and step alone, whatever was drawn before", async () => {
  const at = (step: number) => batch(ten, { ...options, flip: true, step });
  const first = await Promise.all([1, 2, 3, 4, 5].map(at));
  for (const step of [5, 1, 4, 2, 3]) assert.deepEqual(await at(step), first[step - 1]);
  assert.deepEqual(
    first.map(({ epoch }) => epoch),
    [0, 0, 0, 1, 1],
  );
});

test("the last partial batch is padded with images that weigh nothing", async () => {
  assert.equal(stepsPerEpoch(ten, 4), 3);
  const { images, weights, count } = await batch(ten, { ...options, step: 3 });
  assert.equal(count, 2);
  assert.equal(images.length, 12);
  assert.deepEqual([...weights], [1 / 6, 1 / 6, 0, 0].map(Math.fround));
  assert.deepEqual([...images.subarray(6)], [0, 0, 0, 0, 0, 0]);
});

test("bytes become [-1, 1]", async () => {
  const ends: Dataset = { name: "ends", count: 1, height: 1, width: 2, channels: 1, pixels: () => Uint8Array.of(0, 255) };
  assert.deepEqual([...(await batch(ends, { seed: 0, batch: 1, step: 1, flip: false })).images], [-1, 1]);
});

test("flips mirror about half of the images, columns only, pixels whole", async () => {
  const colour: Dataset = {
    name: "colour",
    count: 1000,
    height: 2,
    width: 2,
    channels: 3,
    pixels: () => Uint8Array.from({ length: 12 }, (_, i) => i),
  };
  const { images } = await batch(colour, { seed: 0, batch: 1000, step: 1, flip: true });
  const rows = Array.from({ length: 1000 }, (_, i) => [...images.subarray(i * 12, i * 12 + 12)].map(toByte).join(" "));
  assert.deepEqual(new Set(rows), new Set(["0 1 2 3 4 5 6 7 8 9 10 11", "3 4 5 0 1 2 9 10 11 6 7 8"]));
  const mirrored = rows.filter((row) => row.startsWith("3")).length;
  assert.ok(mirrored > 430 && mirrored < 570, `${mirrored}`);
});

test("the same images flip anew in each epoch", async () => {
  const one: Dataset = { ...ten, count: 1 };
  const batches = await Promise.all(Array.from({ length: 32 }, (_, i) => batch(one, { seed: 0, batch: 1, step: i + 1, flip: true })));
  const sides = batches.map(({ images }) => toByte(images[0]!));
  assert.deepEqual(new Set(sides), new Set([100, 200]));
});

test("images that are read when asked for make the same batch, in order", async () => {
  const late: Dataset = { ...ten, pixels: (i) => new Promise((resolve) => setTimeout(() => resolve(Uint8Array.of(100, i, 200)), 10 - i)) };
  assert.deepEqual(await batch(late, { ...options, step: 2 }), await batch(ten, { ...options, step: 2 }));
  const broken: Dataset = { ...ten, pixels: async () => Promise.reject(new Error("Expected an image")) };
  await assert.rejects(batch(broken, { ...options, step: 1 }), { message: "Expected an image" });
});

test("random crops are given places that depend on seed and step", async () => {
  const placesOf = async (seed: number, step: number) => {
    const places: number[] = [];
    const pixels = (_: number, place: number) => Uint8Array.of(0, places.push(place), 0);
    await batch({ ...ten, pixels }, { ...options, seed, step });
    return places;
  };
  assert.deepEqual(await placesOf(3, 1), await placesOf(3, 1));
  assert.equal(new Set([...(await placesOf(3, 1)), ...(await placesOf(3, 2)), ...(await placesOf(4, 1))]).size, 4 + 4 + 4);
});

test("data that are read by runs are shuffled with few runs open at a time", async () => {
  const starts = Array.from({ length: 40 }, (_, run) => run * 25);
  const orderOf = async (window: number, step: number) => {
    const order: number[] = [];
    const pixels = (i: number) => new Uint8Array(order.push(i) && 1);
    await batch({ name: "runs", count: 1000, height: 1, width: 1, channels: 1, runs: { starts, window }, pixels }, { ...options, batch: 1000, step });
    return order;
  };
  const order = await orderOf(5, 1);
  assert.deepEqual(
    order.toSorted((a, b) => a - b),
    Array.from({ length: 1000 }, (_, i) => i),
  );
  assert.deepEqual(await orderOf(5, 1), order);
  assert.notDeepEqual(await orderOf(5, 2), order);
  const open = (from: number) => new Set(order.slice(from, from + 25).map((i) => Math.floor(i / 25))).size;
  for (let from = 0; from < 1000; from += 25) assert.ok(open(from) >= 3 && open(from) <= 7, `${open(from)} runs from ${from}`);
  const first = (await orderOf(100, 1)).slice(0, 200).map((i) => Math.floor(i / 25));
  assert.ok(new Set(first).size > 35, "a window of all runs mixes them all");
});
