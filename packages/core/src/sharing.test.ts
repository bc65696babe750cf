import assert from "node:assert/strict";
import { test } from "node:test";
import { lockstepBackends } from "../test/lockstep.ts";
import type { Backend, Numbers } from "./backend.ts";
import { configure } from "./config.ts";
import { stream, uniforms } from "./random.ts";
import { reference } from "./reference.ts";
import { compileSampler, parametersOf, samplesOf } from "./sampling.ts";
import { size } from "./shape.ts";
import { evenBatch, Gathering, gathered, roundsOf } from "./sharing.ts";
import { alone } from "./workers.ts";

const config = configure({
  "model.dim": 4,
  "model.dimMults": [1, 2],
  "model.classes": ["disc", "square", "ring"],
  "data.height": 4,
  "data.width": 4,
  "diffusion.timesteps": 3,
});
const elements = 16;
const parameters = new Map<string, Numbers>(
  Array.from(parametersOf(config), ([name, { tensor }], i) => [name, uniforms(stream(i, "weights"), size(tensor.shape)).map((u) => u - 0.5)]),
);

/** Images of three classes in turn, as each of the workers has them in the end. */
async function drawn(backend: Backend, total: number, most: number): Promise<Float64Array> {
  const { workers = alone } = backend;
  const batch = evenBatch(total, most, workers);
  const firsts = Array.from({ length: Math.ceil(total / batch) }, (_, i) => i * batch);
  const labels = Array.from({ length: total }, (_, i) => i % 3);
  await using sampler = await compileSampler(backend, config, parameters, { sampler: "ddpm", batch });
  await using gathering = await Gathering.compile(backend, batch * elements);
  const out = new Float64Array(total * elements);
  for (const round of roundsOf(firsts, workers)) {
    const first = round[workers.rank];
    const own =
      first === undefined
        ? new Float64Array(batch * elements)
        : await samplesOf(sampler, { seed: 4, first, labels: labels.slice(first, first + batch) });
    const all = await gathering.all(own);
    for (const [rank, first] of round.entries()) out.set(all[rank]!.subarray(0, (total - first) * elements), first * elements);
  }
  return out;
}

for (const [total, count, most] of [
  [7, 2, 64],
  [7, 3, 64], // three, three and one
  [4, 3, 64], // two, two and none
  [9, 2, 2], // three rounds of two, of which the last is half empty
]) {
  test(`${count} workers draw the ${total} images of one, at most ${most} at once`, async () => {
    const one = await drawn(reference(), total!, 64);
    const several = await Promise.all(lockstepBackends(count!).map((backend) => drawn(backend, total!, most!)));
    for (const images of several)
      for (const [i, x] of images.entries()) assert.ok(Math.abs(x - one[i]!) < 1e-9, `${Math.floor(i / elements)}: ${x} for ${one[i]}`);
    assert.ok(one.some((x) => x !== one[0]));
  });
}

test("batches are as even as they go, and as many for every worker", () => {
  const of = (total: number, count: number): number => evenBatch(total, 64, { rank: 0, count });
  assert.deepEqual([of(16, 1), of(65, 1), of(129, 1), of(7, 3), of(2, 3), of(129, 2), of(50_000, 8)], [16, 33, 43, 3, 1, 33, 64]);
  assert.deepEqual(roundsOf([0, 3, 6, 9, 12], { rank: 0, count: 3 }), [
    [0, 3, 6],
    [9, 12],
  ]);
  assert.deepEqual(roundsOf([], alone), []);
});

test("what workers gather is each one's values to the last bit, numbers that are none included; one alone has its own", async () => {
  const values = (rank: number): Float64Array => Float64Array.of(rank + 1 / 3, rank === 1 ? Number.NaN : -1e-30);
  for (const all of await Promise.all(lockstepBackends(3).map((backend, rank) => gathered(backend, values(rank)))))
    assert.deepEqual(all, [0, 1, 2].map(values));
  assert.deepEqual(await gathered(reference(), values(1)), [values(1)]);
});
