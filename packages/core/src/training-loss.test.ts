import assert from "node:assert/strict";
import { test } from "node:test";
import { goldenJson } from "../test/golden.ts";
import type { Numbers } from "./backend.ts";
import { configure, scheduleFor } from "./config.ts";
import { posteriorMean, predictX0, qSample } from "./diffusion.ts";
import { gradients } from "./gradient.ts";
import { discretizedGaussianLogLikelihood, learnedLogVariance } from "./likelihood.ts";
import { evaluate } from "./reference.ts";
import { parts, rows } from "./sampler.ts";
import { input, type Tensor } from "./tensor.ts";
import { lossFeeds, trainingLosses } from "./training-loss.ts";

/**
 * What openai/improved-diffusion (1bc7bbb) computes in float64, its `_extract_into_tensor` freed of the cast to float32: a linear schedule of 50
 * timesteps, learned range, rescaled MSE; images, noise and the model's output drawn at random, arrays NHWC. `respaced` is `SpacedDiffusion` over
 * `space_timesteps(50, [10])` with clipped x0.
 */
interface Recording {
  timesteps: number;
  shape: [number, number, number, number];
  t: number[];
  x0: number[];
  noise: number[];
  output: number[];
  mean: number[];
  logVariance: number[];
  vb: number[];
  mse: number[];
  loss: number[];
  gradient: number[];
  respaced: { start: number[]; steps: { t: number; output: number[]; z: number[]; x: number[] }[] };
}

const golden = goldenJson<Recording>("improved-diffusion.json");
const [batch, height, width, channels] = golden.shape;
const config = configure({
  "model.channels": channels,
  "diffusion.timesteps": golden.timesteps,
  "diffusion.schedule": "linear-scaled",
  "diffusion.variance": "learned",
  "train.loss": "l2",
});
const [x0, noise] = [input("x0", golden.shape), input("noise", golden.shape)];
const output = input("output", [batch, height, width, 2 * channels]);
const feeds = new Map<string, Numbers>([
  ...Object.entries(lossFeeds(config, Int32Array.from(golden.t))),
  ...(["x0", "noise", "output"] as const).map((name) => [name, Float64Array.from(golden[name])] as const),
]);
const { simple, trained } = trainingLosses(config, x0, noise, () => output);
const elements = height * width * channels;
const perElement = (y: Tensor): number[] => [...evaluate([y], feeds)[0]!].map((x) => x / elements);

test("the hybrid loss and its two parts are those of improved-diffusion", () => {
  near(perElement(simple), golden.mse);
  near(perElement(trained), golden.loss);
  const bound = configure(config, { "train.vlbWeight": 1 / golden.timesteps });
  near(perElement(trainingLosses(bound, x0, noise, () => output).trained.sub(simple)), golden.vb);
});

test("the bound teaches the variance alone, with improved-diffusion's gradients", () => {
  const mean = trained
    .sum(0)
    .mul(1 / (batch * elements))
    .reshape();
  near([...evaluate(gradients(mean, [output]), feeds)[0]!], golden.gradient);
});

test("the step back has improved-diffusion's mean and log variance", () => {
  const coefficient = (name: string): Tensor => input(name, [batch, 1, 1, 1]);
  const signal = { sqrtAlphasCumprod: coefficient("sqrtAlphasCumprod"), sqrtOneMinusAlphasCumprod: coefficient("sqrtOneMinusAlphasCumprod") };
  const xt = qSample(x0, noise, signal);
  const { prediction, spread } = parts(output, channels);
  const mean = posteriorMean(predictX0(xt, prediction, signal), xt, {
    posteriorMeanCoef1: coefficient("posteriorMeanCoef1"),
    posteriorMeanCoef2: coefficient("posteriorMeanCoef2"),
  });
  const logVariance = learnedLogVariance(spread!, {
    logBetas: coefficient("logBetas"),
    posteriorLogVarianceClipped: coefficient("posteriorLogVarianceClipped"),
  });
  const [means, logVariances] = evaluate([mean, logVariance], feeds);
  near([...means!], golden.mean);
  near([...logVariances!], golden.logVariance);
});

test("ddpm() with learned variance over 10 of 50 timesteps samples as improved-diffusion's SpacedDiffusion", () => {
  const table = rows("ddpm", scheduleFor(config), { steps: 10, spacing: "linspace", variance: "learned" });
  let x = golden.respaced.start;
  for (const [i, { t, output, z, x: expected }] of golden.respaced.steps.entries()) {
    const { t: own, a, b, A, B, E, F } = table[i]!;
    assert.equal(own, t);
    const said = (pixel: number, part: 0 | 1): number => output[Math.floor(pixel / channels) * 2 * channels + part * channels + (pixel % channels)]!;
    const clipped = x.map((v, j) => Math.max(-1, Math.min(1, a * v + b * said(j, 0))));
    x = x.map((v, j) => A * v + B * clipped[j]! + E * Math.exp(F * said(j, 1)) * z[j]!);
    near(x, expected);
  }
});

test("the probabilities of all 256 bytes add up to 1", () => {
  const bytes = Float64Array.from({ length: 256 }, (_, i) => i / 127.5 - 1);
  const x = input("x", [256]);
  for (const [mean, logScale] of [
    [0.1, -3],
    [-1, -2],
    [0.7, 0.5],
  ] as const) {
    const logs = evaluate([discretizedGaussianLogLikelihood(x, x.mul(0).add(mean), x.mul(0).add(logScale))], new Map([["x", bytes]]))[0]!;
    near([logs.reduce((sum, log) => sum + Math.exp(log), 0)], [1]);
  }
});

test("without learned variance what is minimised is the simple loss", () => {
  const plain = configure(config, { "diffusion.variance": "posterior" });
  const losses = trainingLosses(plain, x0, noise, () => noise.mul(0.5));
  assert.equal(losses.trained, losses.simple);
});

function near(found: readonly number[], expected: readonly number[]): void {
  assert.equal(found.length, expected.length);
  for (const [i, x] of found.entries())
    assert.ok(Math.abs(x - expected[i]!) <= 1e-9 * Math.max(1, Math.abs(expected[i]!)), `[${i}]: ${x} for ${expected[i]}`);
}
