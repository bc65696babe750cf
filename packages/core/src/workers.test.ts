import assert from "node:assert/strict";
import { test } from "node:test";
import { lockstep } from "../test/lockstep.ts";
import type { Numbers } from "./backend.ts";
import { type Config, configure } from "./config.ts";
import { type Dataset, stepsPerEpoch } from "./dataset.ts";
import { shapes } from "./shapes.ts";
import { input, sort, type Tensor } from "./tensor.ts";
import { timestepSampling } from "./timestep-sampling.ts";
import { initialState, runStep, type StepResult, trainingBatch, trainingStep } from "./training.ts";
import { alone, placesOfRun, placesOfStep, Reduction } from "./workers.ts";

const base: Partial<Config> = {
  "model.dim": 4,
  "model.dimMults": [1, 2],
  "data.height": 4,
  "data.width": 4,
  "diffusion.timesteps": 2,
  "train.batch": 6,
};
const dataset = shapes({ height: 4, width: 4, count: 8 }); // the second step of an epoch has two images

/** What `steps` steps of workers tell and leave. */
async function trained(part: Partial<Config>, { count, steps }: { count: number; steps: number }) {
  const config = configure(base, part);
  const workers = Array.from({ length: count }, (_, rank) => ({ rank, count }));
  const trainings = workers.map((one) => trainingStep(config, one));
  const state = initialState(trainings[0]!, config.seed);
  const programs = lockstep(
    trainings.map(({ step }) => step),
    state,
  );
  const memories = workers.map(() => timestepSampling(config));
  const results: StepResult[][] = [];
  for (let n = 1; n <= steps; n++) {
    const step = async (rank: number): Promise<StepResult> => {
      const [own, timesteps] = [workers[rank]!, memories[rank]!];
      return runStep(programs[rank]!, config, await trainingBatch(dataset, config, n, own), n, { timesteps, workers: own });
    };
    results.push(await Promise.all(workers.map(({ rank }) => step(rank))));
  }
  return { results, states: await Promise.all(programs.map((program) => program.read())), learnt: memories.map((memory) => memory.state()) };
}

function near(found: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number, what: string): void {
  assert.equal(found.length, expected.length, what);
  for (let i = 0; i < found.length; i++)
    assert.ok(Math.abs(found[i]! - expected[i]!) <= tolerance, `${what} ${i}: ${found[i]} against ${expected[i]}`);
}

const everything = { "model.classes": dataset.classes!, "train.clip": 0.05, "model.dropout": 0.3, "train.emaAlso": [0.5] };

for (const [count, part] of [
  [2, everything],
  [4, { ...everything, "train.accumulate": 2 }], // three images of a run are one each and none
  [2, { "train.timesteps": "importance" }],
] as const) {
  test(`${count} workers train the run of one: ${Object.keys(part).join(", ")}`, async () => {
    const steps = "train.timesteps" in part ? 6 : 2; // until every timestep has its ten losses, and beyond
    const [one, several] = [await trained(part as Partial<Config>, { count: 1, steps }), await trained(part as Partial<Config>, { count, steps })];
    for (const [n, told] of several.results.entries()) {
      const [expected] = one.results[n]!;
      for (const { loss, losses, gradientNorm, t } of told) {
        near([loss, gradientNorm], [expected!.loss, expected!.gradientNorm], 1e-9, "loss and norm");
        near(losses, expected!.losses, 1e-9, "losses");
        assert.deepEqual(t, expected!.t);
      }
    }
    for (const state of several.states) for (const [name, values] of one.states[0]!) near(state.get(name)!, values, 1e-6, name);
    for (const memory of several.learnt) for (const [name, values] of one.learnt[0]!) near(memory.get(name)!, values, 1e-6, name);
    assert.deepEqual(several.states[1], several.states[0]);
  });
}

test("each worker reads its share of the images alone, and all of them each image once", async () => {
  const config = configure(base);
  const read: number[][] = [[], [], []];
  for (const [rank, indices] of read.entries()) {
    const watched: Dataset = {
      ...dataset,
      pixels: (index) => {
        indices.push(index);
        return dataset.pixels(index);
      },
    };
    for (let n = 1; n <= stepsPerEpoch(dataset, 6); n++) await trainingBatch(watched, config, n, { rank, count: 3 });
  }
  assert.deepEqual(
    read.flat().sort((a, b) => a - b),
    Array.from({ length: 8 }, (_, i) => i),
  );
  assert.ok(read.every((indices) => indices.length >= 2));
});

test("a loss that is not finite at one worker leaves all of them as they were", async () => {
  const config = configure(base);
  const workers = [0, 1].map((rank) => ({ rank, count: 2 }));
  const trainings = workers.map((one) => trainingStep(config, one));
  const state = initialState(trainings[0]!, 0);
  const programs = lockstep(
    trainings.map(({ step }) => step),
    state,
  );
  const results = await Promise.all(
    workers.map(async (one) => {
      const batch = await trainingBatch(dataset, config, 1, one);
      if (one.rank === 1) batch.images[0] = Number.NaN;
      return runStep(programs[one.rank]!, config, batch, 1, { workers: one });
    }),
  );
  assert.deepEqual(
    results.map(({ skipped }) => skipped),
    [true, true],
  );
  for (const program of programs) for (const [name, values] of await program.read()) near(values, state.get(name)! as Numbers, 0, name);
});

test("places of workers are contiguous in each run, and what is left over is none", () => {
  const config = configure(base, { "train.batch": 10, "train.accumulate": 2 });
  const of = (rank: number): number[] => [...placesOfStep(config, { rank, count: 3 })];
  assert.deepEqual([0, 1, 2].map(of), [
    [0, 1, 5, 6],
    [2, 3, 7, 8],
    [4, -1, 9, -1],
  ]);
  assert.deepEqual([...placesOfRun(config, alone, 1)], [5, 6, 7, 8, 9]);
});

test("sums come in one order, the gradient's last bucket first; a worker alone has none", () => {
  const vectors = [2 ** 19, 2 ** 19, 2 ** 20, 3].map((n, i) => input(`x${i}`, [n]));
  const sums = (tensors: readonly Tensor[]) => sort(tensors).filter(({ op }) => op === "allReduce");
  const reduction = new Reduction({ rank: 0, count: 2 });
  const packed = reduction.pack(vectors);
  const buckets = sums([packed]);
  assert.deepEqual(
    buckets.map(({ shape }) => shape),
    [[2 ** 20 + 3], [2 ** 20]],
  );
  assert.equal(buckets[1]!.inputs[1], buckets[0]);
  assert.deepEqual(packed.shape, [2 ** 21 + 3]);
  assert.equal(sums([new Reduction(alone).pack(vectors)]).length, 0);
});
