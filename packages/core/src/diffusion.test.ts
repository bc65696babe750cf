import assert from "node:assert/strict";
import { test } from "node:test";
import { posteriorMean, predictX0, pSample, qSample, qStep } from "./diffusion.ts";
import { evaluate } from "./reference.ts";
import { extract, type Schedule, schedule } from "./schedule.ts";
import { input, type Tensor } from "./tensor.ts";

const shape = [2, 1, 1, 3];
const [x0, noise] = [input("x0", shape), input("noise", shape)];
const images = Float64Array.of(-1, 0.25, 1, 0.5, -0.75, 0);
const draws = Float64Array.of(0.3, -1.2, 0.7, 2.1, -0.4, 0.9);
const s = schedule("linear", 1000);

const value = (y: Tensor, values: Record<string, Float64Array> = {}): number[] => [
  ...evaluate([y], new Map(Object.entries({ x0: images, noise: draws, ...values })))[0]!,
];
const at = (t: number): Record<keyof Schedule, number> =>
  Object.fromEntries(Object.entries(s).map(([name, values]) => [name, (values as Float64Array)[t]!])) as Record<keyof Schedule, number>;

test("qSample() without noise only scales x0", () => {
  near(
    value(qSample(x0, noise.mul(0), at(500))),
    [...images].map((x) => x * s.sqrtAlphasCumprod[500]!),
  );
});

test("qSample() at the last t has unit variance and hardly any image", () => {
  const { sqrtAlphasCumprod, sqrtOneMinusAlphasCumprod } = at(999);
  near([sqrtAlphasCumprod ** 2 + sqrtOneMinusAlphasCumprod ** 2], [1]);
  assert.ok(sqrtAlphasCumprod < 0.01);
});

test("qSample() takes a timestep for each image", () => {
  const names = ["sqrtAlphasCumprod", "sqrtOneMinusAlphasCumprod"] as const;
  const feeds = Object.fromEntries(names.map((name) => [name, extract(s[name], [10, 900])]));
  const [sqrtAlphasCumprod, sqrtOneMinusAlphasCumprod] = names.map((name) => input(name, [2, 1, 1, 1])) as [Tensor, Tensor];
  const found = value(qSample(x0, noise, { sqrtAlphasCumprod, sqrtOneMinusAlphasCumprod }), feeds);
  near(found, [...value(qSample(x0, noise, at(10))).slice(0, 3), ...value(qSample(x0, noise, at(900))).slice(3)]);
});

test("qStep() after qStep() without noise is qSample() without noise", () => {
  near(value(qStep(qStep(x0, noise.mul(0), at(0)), noise.mul(0), at(1))), value(qSample(x0, noise.mul(0), at(1))));
});

test("qStep() keeps unit variance", () => {
  const { sqrtAlphas, sqrtBetas } = at(700);
  near([sqrtAlphas ** 2 + sqrtBetas ** 2], [1]);
  near(
    value(qStep(x0, noise, at(700))),
    [...images].map((x, i) => sqrtAlphas * x + sqrtBetas * draws[i]!),
  );
});

test("predictX0() undoes qSample()", () => {
  near(value(predictX0(qSample(x0, noise, at(300)), noise, at(300))), [...images]);
});

test("pSample() without noise is the posterior's mean of the predicted x0", () => {
  for (const t of [0, 1, 500, 999]) {
    const predicted = predictX0(x0, noise, at(t));
    near(value(pSample(x0, noise, noise, { ...at(t), sigmas: 0 })), value(posteriorMean(predicted, x0, at(t))), 1e-9);
  }
});

test("pSample() adds sigma times z", () => {
  const [mean, sample] = [0, 0.5].map((sigmas) => value(pSample(x0, noise, noise, { ...at(400), sigmas })));
  near(
    sample!.map((x, i) => x - mean![i]!),
    [...draws].map((z) => z / 2),
  );
});

function near(found: readonly number[], expected: readonly number[], tolerance = 1e-12): void {
  assert.equal(found.length, expected.length);
  for (const [i, x] of found.entries()) assert.ok(Math.abs(x - expected[i]!) <= tolerance, `[${i}]: ${x} for ${expected[i]}`);
}
