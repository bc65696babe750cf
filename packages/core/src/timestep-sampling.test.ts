import assert from "node:assert/strict";
import { test } from "node:test";
import { goldenJson } from "../test/golden.ts";
import { configure } from "./config.ts";
import { type DrawnTimesteps, ImportanceSampling, timestepSampling, uniformTimesteps, withoutMemory } from "./timestep-sampling.ts";

const config = (T: number, batch: number) => configure({ "diffusion.timesteps": T, "train.batch": batch, "train.timesteps": "importance" });
const drawn = (t: readonly number[]): DrawnTimesteps => ({ t: Int32Array.from(t), weights: new Float64Array(t.length) });

/** 40 batches in which the loss of timestep t is `losses[t]`. */
function taught(losses: readonly number[], batch = 64): ImportanceSampling {
  const sampling = new ImportanceSampling(config(losses.length, batch));
  const all = losses.map((_, t) => t);
  for (let n = 0; n < 40; n++) sampling.learn(drawn(all), Float64Array.from(losses), losses.length);
  return sampling;
}

test("ImportanceSampling has the probabilities of improved-diffusion's LossSecondMomentResampler", () => {
  const { importance } = goldenJson<{ importance: { t: number[][]; losses: number[][]; weights: number[][] } }>("improved-diffusion.json");
  const sampling = new ImportanceSampling(config(4, 5));
  for (const [i, t] of importance.t.entries()) {
    sampling.learn(drawn(t), Float64Array.from(importance.losses[i]!), t.length);
    const sum = importance.weights[i]!.reduce((a, b) => a + b);
    for (const [k, p] of sampling.probabilities().entries()) assert.ok(Math.abs(p - importance.weights[i]![k]! / sum) < 1e-12);
  }
});

test("timesteps are uniform until each has had 10 losses", () => {
  const sampling = new ImportanceSampling(config(2, 8));
  for (let i = 0; i < 9; i++) sampling.learn(drawn([0, 0, 1]), Float64Array.of(5, 5, 1), 3);
  assert.deepEqual(sampling.draw(3), uniformTimesteps(config(2, 8), 3));
  sampling.learn(drawn([1]), Float64Array.of(1), 1);
  assert.notDeepEqual(sampling.draw(3), uniformTimesteps(config(2, 8), 3));
});

test("a timestep of greater losses is drawn more often and weighs less, so that the mean stays", () => {
  const losses = [8, 0.5, 2, 0.1];
  const sampling = taught(losses, 4096);
  const { t, weights } = sampling.draw(1);
  const counts = losses.map((_, k) => t.filter((x) => x === k).length / t.length);
  const p = sampling.probabilities();
  for (const [k, share] of counts.entries()) assert.ok(Math.abs(share - p[k]!) < 0.03, `${share} of timestep ${k} for ${p[k]}`);
  const mean = t.reduce((sum, x, i) => sum + weights[i]! * losses[x]!, 0) / t.length;
  assert.ok(Math.abs(mean - 2.65) < 0.02, `a mean of ${mean}`);
});

test("padding teaches nothing, and losses of 0 leave timesteps uniform", () => {
  const sampling = taught([1, 1]);
  sampling.learn(drawn([0, 1]), Float64Array.of(1, 1e9), 1);
  assert.deepEqual([...sampling.probabilities()], [0.5, 0.5]);
  assert.deepEqual([...taught([0, 0]).probabilities()], [0.5, 0.5]);
});

test("a sampling goes on from its state, and not from another's", () => {
  const sampling = taught([3, 1, 2]);
  const restored = timestepSampling(config(3, 64), sampling.state());
  assert.deepEqual(restored.draw(7), sampling.draw(7));
  assert.notDeepEqual(restored.draw(8), sampling.draw(7));
  const state = sampling.state();
  sampling.learn(drawn([0]), Float64Array.of(50), 1);
  assert.deepEqual(timestepSampling(config(3, 64), state).draw(7), restored.draw(7));
  assert.throws(() => timestepSampling(config(4, 64), sampling.state()), {
    name: "TypeError",
    message: /Expected a training state with 40 numbers of lossHistory but found 30; take the state of such a run$/,
  });
  assert.throws(() => withoutMemory(config(3, 64)), /Cannot train with train\.timesteps importance without one `timestepSampling`/);
});

test("uniform timesteps have weight 1 and nothing to keep", () => {
  const sampling = timestepSampling(configure(config(50, 2000), { "train.timesteps": "uniform" }));
  const { t, weights } = sampling.draw(1);
  assert.ok(weights.every((weight) => weight === 1));
  assert.deepEqual([Math.min(...t), Math.max(...t)], [0, 49]);
  sampling.learn({ t, weights }, new Float32Array(2000), 2000);
  assert.equal(sampling.state().size, 0);
});
