import assert from "node:assert/strict";
import { test } from "node:test";
import { configure, initialState, type Numbers, reference, shapes } from "@ddpm/core";
import { batch } from "@ddpm/core/training";
import { coldFeeds, coldStep, degraded, restoration, rules, sample, unseenSeed } from "./cold.ts";
import { type Degradation, degradations } from "./degradations.ts";

const config = configure({
  "model.dim": 4,
  "model.dimMults": [1, 2],
  "data.height": 8,
  "data.width": 8,
  "diffusion.timesteps": 5,
  "train.batch": 2,
  "train.lr": 0.01,
});
const dataset = shapes({ height: 8, width: 8, count: 2 });
const batchOf = () => batch(dataset, { seed: 0, batch: 2, step: 1, flip: false });
const close = (a: Numbers, b: Numbers): boolean => a.every((x, i) => Math.abs(x - b[i]!) < 1e-5);

const x0 = Float32Array.of(0.5, -1, 0.25, 1);
const e = Float32Array.of(-0.1, 0.2, 0.05, -0.3);
/** D(x, t) = x + t·e. */
const linear = (x: Numbers, t: number): Float32Array => Float32Array.from(x, (value, i) => value + t * e[i]!);
const wrong = async (xt: Float32Array, t: number): Promise<Numbers> => xt.map((x, i) => Math.sin(3 * x + t + i));

test("the improved rule reaches D(x0, t) at every t where D is linear in t, whatever the network says", async () => {
  const seen: Float32Array[] = [];
  const restore = (xt: Float32Array, t: number): Promise<Numbers> => {
    seen[t] = xt;
    return wrong(xt, t);
  };
  const end = await sample(linear(x0, 5), "improved", { timesteps: 5, restore, degrade: linear });
  assert.ok(close(end, x0), `${end}`);
  for (const t of [1, 2, 3, 4, 5]) assert.ok(close(seen[t]!, linear(x0, t)), `at ${t}: ${seen[t]}`);
});

test("the naive rule ends where the network's last word is", async () => {
  const said: Numbers[] = [];
  const restore = async (xt: Float32Array, t: number): Promise<Numbers> => {
    said.push(await wrong(xt, t));
    return said.at(-1)!;
  };
  const end = await sample(linear(x0, 5), "naive", { timesteps: 5, restore, degrade: linear });
  assert.equal(said.length, 5);
  assert.deepEqual([...end], [...said.at(-1)!]);
});

for (const rule of Object.keys(rules) as (keyof typeof rules)[]) {
  test(`the ${rule} rule restores images exactly with a network that knows them`, async () => {
    const D = degradations.snow(config);
    const { images } = await batchOf();
    const degrade = (x: Numbers, t: number): Float32Array => degraded(D, x, Int32Array.of(t, t));
    const end = await sample(degrade(images, 5), rule, { timesteps: 5, restore: async () => images, degrade });
    assert.ok(close(end, images));
  });
}

test("degraded() degrades each image to its own t with its own seed", () => {
  const told: Degradation = (x, t, seed) => Float32Array.from(x, (value) => value + 10 * t + 100 * seed);
  assert.deepEqual([...degraded(told, Float32Array.of(1, 2, 3, 4), Int32Array.of(1, 2), 6)], [611, 612, 723, 724]);
});

test("coldFeeds() draws t from 1 to T and feeds the images at it, with seeds of the step's own", async () => {
  const images = await batchOf();
  const fed = new Set<number>();
  const seeds = new Set<number>();
  const D: Degradation = (x, t, seed) => {
    assert.ok(!seeds.has(seed), "a seed came twice");
    seeds.add(seed);
    return Float32Array.from(x, () => t);
  };
  for (let n = 1; n <= 40; n++) {
    const { t, xt } = coldFeeds(config, D, images, n);
    assert.deepEqual([xt![0], xt![64]], [...t!]);
    for (const x of t!) fed.add(x);
  }
  assert.deepEqual([...fed].sort(), [1, 2, 3, 4, 5]);
  assert.ok(Math.max(...seeds) < unseenSeed, "those seeds are for images that are restored");
});

test("the loss is the mean of |R(D(x0, t), t) - x0|, and a short training lowers it", async () => {
  const D = degradations.blur(config);
  const training = coldStep(config);
  const state = initialState(training, 0);
  const [images, backend] = [await batchOf(), reference()];
  await using program = await backend.compile(training.step, state);
  const lossAt = async (n: number): Promise<number> => (await program.run(coldFeeds(config, D, images, n)))["loss"]![0]!;
  const feeds = coldFeeds(config, D, images, 1);
  await using network = await backend.compile(restoration(config, 1), training.scope.initialValues(0));
  const parts = [0, 1].map(async (i) => {
    const { x0 } = await network.run({ xt: feeds["xt"]!.subarray(64 * i, 64 * i + 64), t: feeds["t"]!.subarray(i, i + 1) });
    return Array.from(x0!).reduce((sum, x, k) => sum + Math.abs(x - images.images[64 * i + k]!), 0) / 128;
  });
  const first = await lossAt(1);
  assert.ok(Math.abs(first - (await parts[0]!) - (await parts[1]!)) < 1e-6, `${first}`);
  const losses: number[] = [];
  for (let n = 2; n <= 30; n++) losses.push(await lossAt(n));
  const mean = losses.slice(-5).reduce((a, b) => a + b) / 5;
  assert.ok(mean < 0.8 * first, `${mean} after ${first}`);
});
