import assert from "node:assert/strict";
import { test } from "node:test";
import type { Numbers, State } from "./backend.ts";
import { type Config, configure, scheduleFor } from "./config.ts";
import { batch, type Dataset } from "./dataset.ts";
import { pSample } from "./diffusion.ts";
import { model } from "./model.ts";
import { minSnrWeight, objectiveNames } from "./objective.ts";
import { adamwScalars, emaDecay } from "./optimizer.ts";
import { normals, startNoise, stream } from "./random.ts";
import { evaluate, reference } from "./reference.ts";
import { compileInversion, compileSampler, pSampleLoop, type Reached, samplesOf } from "./sampling.ts";
import { Scope } from "./scope.ts";
import { shapes } from "./shapes.ts";
import { input } from "./tensor.ts";
import { timestepSampling, uniformTimesteps } from "./timestep-sampling.ts";
import { type Batch, initialState, runStep, trainingFeeds, trainingStep } from "./training.ts";

const config = (count: number) =>
  configure({
    "model.dim": 4,
    "model.dimMults": [1, 2],
    "data.height": 4,
    "data.width": 4,
    "diffusion.timesteps": 3,
    "train.batch": count,
  });
const dataset = shapes({ height: 4, width: 4, count: 3 });
const batchOf = (from: Dataset, count: number): Promise<Batch> => batch(from, { seed: 0, batch: count, step: 1, flip: false });

async function trained(count: number, data: Batch) {
  const training = trainingStep(config(count));
  const before = initialState(training, 0);
  const program = await reference().compile(training.step, before);
  const { loss } = await program.run(trainingFeeds(config(count), data, 1));
  return { scope: training.scope, before, loss: loss![0]!, after: await program.read() };
}

test("a step moves parameters by AdamW's first step and the average by the ramp", async () => {
  const { scope, before, after } = await trained(2, await batchOf(dataset, 2));
  const [m, v, ema] = ["m", "v", "ema"].map((name) => scope.unpackValues(after.get(name)!)) as [
    Map<string, Float64Array>,
    Map<string, Float64Array>,
    Map<string, Float64Array>,
  ];
  const { decay } = adamwScalars({ lr: 1e-3, weightDecay: 0.01 }, 1);
  for (const name of scope.parameters.keys()) {
    const [old, now] = [before.get(name)!, after.get(name)!];
    for (const i of [0, old.length - 1]) {
      const g = m.get(name)![i]! / 0.1; // m = (1 - β1)·g
      assert.ok(Math.abs(v.get(name)![i]! - 0.001 * g * g) <= 1e-9 * g * g, `${name}: v is not g²`);
      const expected = old[i]! * decay - (1e-3 * g) / (Math.abs(g) + 1e-8);
      assert.ok(Math.abs(now[i]! - expected) < 1e-9, `${name}[${i}]: ${now[i]} against ${expected}`);
      const average = old[i]! + (now[i]! - old[i]!) * (1 - emaDecay(0.9999, 1));
      assert.ok(Math.abs(ema.get(name)![i]! - average) < 1e-12, `${name}: the average is off`);
    }
  }
});

test("emaDecay() rises from 2/11 to the decay asked for", () => {
  assert.equal(emaDecay(0.9999, 1), 2 / 11);
  assert.ok(emaDecay(0.9999, 100) > emaDecay(0.9999, 99));
  assert.equal(emaDecay(0.9999, 1e6), 0.9999);
});

test("what fills a partial batch weighs nothing: loss and update are those of the smaller batch", async () => {
  const one = { ...dataset, count: 1 };
  const [full, partial] = [await trained(1, await batchOf(one, 1)), await trained(2, await batchOf(one, 2))];
  assert.ok(Math.abs(full.loss - partial.loss) < 1e-12, `${full.loss} against ${partial.loss}`);
  for (const [name, values] of full.after) {
    for (const [i, x] of values.entries()) assert.ok(Math.abs(x - partial.after.get(name)![i]!) < 1e-9, name);
  }
});

/** Each image's mean square error at step 1 of seed 0, written out: images [count, 4, 4, 1] at timesteps [count]. */
function squaredErrors(own: Config, state: State, images: Numbers, t: Numbers): number[] {
  const shape = [t.length, 4, 4, 1];
  const image = (i: number): number => Math.floor(i / 16);
  const of = (constants: Float64Array, i: number): number => constants[t[image(i)]!]!;
  const { sqrtAlphasCumprod: signal, sqrtOneMinusAlphasCumprod: share } = scheduleFor(own);
  const noise = normals(stream(0, "noise", 1), images.length);
  const xt = noise.map((z, i) => of(signal, i) * images[i]! + of(share, i) * z);
  const expected = { eps: noise, x0: images, v: noise.map((z, i) => of(signal, i) * z - of(share, i) * images[i]!) }[own["diffusion.objective"]];
  const prediction = model(new Scope(), input("x", shape), input("t", [t.length], "int32"), own);
  const predicted = evaluate([prediction], new Map<string, Numbers>([...state, ["x", xt], ["t", t]]))[0]!;
  return Array.from(t, (_, b) => predicted.reduce((sum, y, i) => sum + (image(i) === b ? (y - expected[i]!) ** 2 / 16 : 0), 0));
}

for (const objective of objectiveNames) {
  test(`a step's losses are those of objective ${objective}, and its loss their mean by min-SNR weights`, async () => {
    const own = configure(config(2), { "diffusion.objective": objective, "diffusion.timesteps": 50, "train.minSnr": 5, "train.loss": "l2" });
    const training = trainingStep(own);
    const state = initialState(training, 0);
    const feeds = trainingFeeds(own, await batchOf(dataset, 2), 1);
    await using program = await reference().compile(training.step, state);
    const { loss, losses } = await program.run(feeds);

    const means = squaredErrors(own, state, feeds["images"]!, feeds["t"]!);
    const weights = Array.from(feeds["t"]!, (t) => minSnrWeight(objective, scheduleFor(own).snr[t]!, 5));
    for (const [i, mean] of means.entries()) assert.ok(Math.abs(losses![i]! - mean) < 1e-6, `${losses![i]} for ${mean}`);
    assert.ok(Math.abs(loss![0]! - (means[0]! * weights[0]! + means[1]! * weights[1]!) / 2) < 1e-6 * Math.max(1, loss![0]!), `${loss![0]}`);
  });
}

test("a step in two runs weighs each image by its drawn timestep, and the timesteps learn what was minimised, but not of padding", async () => {
  const own = configure(config(4), { "train.timesteps": "importance", "train.accumulate": 2, "train.minSnr": 50, "train.loss": "l2" });
  const history = [1, 2, 3].map((loss) => new Array<number>(10).fill(loss)); // so far, of each timestep
  const learnt = new Map([
    ["lossHistory", Float32Array.from(history.flat())],
    ["lossCounts", Float32Array.of(10, 10, 10)],
  ]);
  const timesteps = timestepSampling(own, learnt);
  const training = trainingStep(own);
  const state = initialState(training, 0);
  await using program = await reference().compile(training.step, state);
  const data = await batchOf(dataset, 4); // three images and one of padding
  const { t, loss, losses } = await runStep(program, own, data, 1, { timesteps });
  assert.deepEqual(t, timestepSampling(own, learnt).draw(1).t);
  assert.notDeepEqual(t, uniformTimesteps(own, 1).t);

  const means = squaredErrors(own, state, data.images, t);
  for (const [i, mean] of means.entries()) assert.ok(Math.abs(losses[i]! - mean) < 1e-9, `losses[${i}]: ${losses[i]} for ${mean}`);
  const minimised = means.map((mean, i) => mean * Math.min(1, 50 / scheduleFor(own).snr[t[i]!]!));
  const importance = [1, 2, 3].map((moment) => 1 / (3 * (0.999 * (moment / 6) + 0.001 / 3))); // 1 / (T·p)
  const expected = [0, 1, 2].reduce((sum, i) => sum + (minimised[i]! * importance[t[i]!]!) / 3, 0);
  assert.ok(Math.abs(loss - expected) < 1e-6 * expected, `${loss} for ${expected}`);
  for (const i of [0, 1, 2]) history[t[i]!]!.push(minimised[i]!);
  const recent = history.flatMap((row) => row.slice(-10));
  for (const [i, value] of timesteps.state().get("lossHistory")!.entries())
    assert.ok(Math.abs(value - recent[i]!) < 1e-6, `${value} for ${recent[i]}`);
});

test("a model that learns its variance trains, draws with it by ddpm, and without it by the other samplers", async () => {
  const own = configure(config(2), { "diffusion.timesteps": 10, "diffusion.schedule": "cosine", "diffusion.variance": "learned" });
  const training = trainingStep(own);
  const state = initialState(training, 0);
  await using program = await reference().compile(training.step, state);
  const data = await batchOf(dataset, 2);
  const losses = [];
  for (let n = 1; n <= 3; n++) losses.push((await program.run(trainingFeeds(own, data, n)))["loss"]![0]!);
  assert.ok(losses.every(Number.isFinite), `${losses}`);

  const bias = "final_conv.1.bias"; // of the prediction and of the spread
  const widened = new Map([...state, [bias, state.get(bias)!.map((x, i) => x + i)]]);
  for (const [sampler, differs] of [
    ["ddpm", true],
    ["ddim", false],
    ["heun", false],
  ] as const) {
    const drawn = [state, widened].map(async (parameters) => {
      await using compiled = await compileSampler(reference(), own, parameters, { sampler, steps: 4, batch: 1 });
      return await samplesOf(compiled);
    });
    const [before, after] = await Promise.all(drawn);
    assert.equal(`${before}` !== `${after}`, differs, sampler);
  }
});

test("pSampleLoop() is algorithm 2 written out with pSample()", async () => {
  const own = config(2);
  const training = trainingStep(own);
  const parameters = training.scope.initialValues(4);
  const drawn = await pSampleLoop(reference(), own, parameters, { batch: 2, seed: 6 });
  const constants = scheduleFor(own);
  const shape = [2, 4, 4, 1];
  let x = Float64Array.from(startNoise(6, 2, 16));
  for (const [i, t] of [2, 1, 0].entries()) {
    const eps = model(new Scope(), input("x", shape), input("t", [2], "int32"), own);
    const at = (name: "betas" | "sqrtOneMinusAlphasCumprod" | "sqrtRecipAlphas" | "posteriorVariance"): number => constants[name][t]!;
    const coefficients = {
      betas: at("betas"),
      sqrtOneMinusAlphasCumprod: at("sqrtOneMinusAlphasCumprod"),
      sqrtRecipAlphas: at("sqrtRecipAlphas"),
      sigmas: t === 0 ? 0 : Math.sqrt(at("posteriorVariance")),
    };
    const next = pSample(input("x", shape), eps, input("z", shape), coefficients);
    const z = normals(stream(6, "steps", i), 32);
    x = Float64Array.from(evaluate([next], new Map<string, Numbers>([...parameters, ["x", x], ["t", Int32Array.of(t, t)], ["z", z]]))[0]!);
  }
  for (const [i, value] of x.entries()) assert.ok(Math.abs(value - drawn[i]!) < 1e-6, `pixel ${i}: ${value} against ${drawn[i]}`);
});

test("a draw that was left goes on from a step to the same images", async () => {
  const own = config(1);
  const parameters = trainingStep(own).scope.initialValues(4);
  for (const sampler of ["ddpm", "dpm++"] as const) {
    await using compiled = await compileSampler(reference(), own, parameters, { sampler, steps: 3, spacing: "trailing", batch: 2 });
    const whole = await samplesOf(compiled, { seed: 1 });
    let left: Reached | undefined;
    for await (const { step, x, x0 } of compiled.draw({ seed: 1 })) {
      left = { step, x: await x(), x0: await x0() };
      if (step === 1) break;
    }
    assert.deepEqual(await samplesOf(compiled, { seed: 1, resume: left! }), whole);
  }
});

test("a sampler draws the same images one by one as together", async () => {
  const own = config(1);
  const parameters = trainingStep(own).scope.initialValues(4);
  const draw = async (count: number, first: number) => {
    await using sampler = await compileSampler(reference(), own, parameters, { sampler: "ddim", steps: 2, eta: 0.5, batch: count });
    return [...(await samplesOf(sampler, { seed: 1, first }))];
  };
  const [together, first, second] = [await draw(2, 0), await draw(1, 0), await draw(1, 1)];
  for (const [i, x] of [...first, ...second].entries()) assert.ok(Math.abs(x - together[i]!) < 1e-9);
});

test("DDIM from the noise that inversion finds gives the images back", async () => {
  const own = configure(config(1), { "diffusion.timesteps": 100 });
  const parameters = trainingStep(own).scope.initialValues(4);
  const images = Float32Array.from(startNoise(3, 2, 16), (x) => Math.tanh(x));
  const settings = { batch: 2, steps: 100 };
  await using backwards = await compileInversion(reference(), own, parameters, settings);
  await using forwards = await compileSampler(reference(), own, parameters, { ...settings, sampler: "ddim", clip: false });
  const noise = await samplesOf(backwards, { start: images });
  const found = await samplesOf(forwards, { start: noise });
  const off = (values: Numbers): number => Math.max(...values.map((x, i) => Math.abs(x - images[i]!)));
  assert.ok(off(noise) > 0.1, "the noise is the image");
  assert.ok(off(found) < 0.001, `an error of ${off(found)}`);
});
