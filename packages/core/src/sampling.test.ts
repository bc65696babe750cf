import assert from "node:assert/strict";
import { test } from "node:test";
import type { Numbers } from "./backend.ts";
import { configure, scheduleFor } from "./config.ts";
import { type Objective, objectiveNames } from "./objective.ts";
import { normals, startNoise, stream } from "./random.ts";
import { reference } from "./reference.ts";
import { compileInversion, compileSampler, parametersOf, samplesOf } from "./sampling.ts";
import { size } from "./shape.ts";

const small = configure({
  "model.dim": 4,
  "model.dimMults": [1, 2],
  "data.height": 4,
  "data.width": 4,
  "diffusion.timesteps": 5,
  "diffusion.schedule": "cosine",
});
const { alphasCumprod, betas } = scheduleFor(small);

const said = 0.4;

/** Weights with which the model says `said` of every pixel: all are 0 but the last bias. */
const parameters = new Map<string, Numbers>(
  Array.from(parametersOf(small), ([name, { tensor }]) => [name, new Float64Array(size(tensor.shape)).fill(name === "final_conv.1.bias" ? said : 0)]),
);

/** What x at alphaBar is made of, √alphaBar·x0 + √(1 - alphaBar)·eps, where a model of each objective says `said`. */
const meant: { readonly [O in Objective]: (x: number, alphaBar: number) => { readonly x0: number; readonly eps: number } } = {
  eps: (x, alphaBar) => ({ x0: (x - Math.sqrt(1 - alphaBar) * said) / Math.sqrt(alphaBar), eps: said }),
  x0: (x, alphaBar) => ({ x0: said, eps: (x - Math.sqrt(alphaBar) * said) / Math.sqrt(1 - alphaBar) }),
  // Salimans and Ho 2022, appendix D
  v: (x, alphaBar) => ({
    x0: Math.sqrt(alphaBar) * x - Math.sqrt(1 - alphaBar) * said,
    eps: Math.sqrt(1 - alphaBar) * x + Math.sqrt(alphaBar) * said,
  }),
};

test("a variance that the model has not learned and a draw without a step are refused", async () => {
  await assert.rejects(compileSampler(reference(), small, parameters, { batch: 1, variance: "learned" }), {
    name: "TypeError",
    message: "Expected a model that has learned its variance but found one that has not; choose another variance",
  });
  await using sampler = await compileSampler(reference(), small, parameters, { batch: 1 });
  await assert.rejects(samplesOf(sampler, { table: [] }), /Cannot draw without a step/);
});

for (const objective of objectiveNames) {
  const config = configure(small, { "diffusion.objective": objective });
  const start = startNoise(6, 2, 16);

  test(`a draw by ddim with a model of objective ${objective} is at each step eq. 12 of Song et al. 2021 written out, with eps of the clipped x0`, async () => {
    await using sampler = await compileSampler(reference(), config, parameters, { sampler: "ddim", batch: 2 });
    let x = Array.from(start);
    for await (const step of sampler.draw({ seed: 6 })) {
      const [alphaBar, alphaBarNext] = [alphasCumprod[step.t]!, alphasCumprod[step.t - 1] ?? 1];
      x = x.map((value) => {
        const x0 = clipped(meant[objective](value, alphaBar).x0);
        const eps = (value - Math.sqrt(alphaBar) * x0) / Math.sqrt(1 - alphaBar);
        return Math.sqrt(alphaBarNext) * x0 + Math.sqrt(1 - alphaBarNext) * eps;
      });
      near(await step.x(), x);
    }
  });

  test(`a draw by ddpm with a model of objective ${objective} is the posterior, eq. 7 of Ho et al. 2020, written out`, async () => {
    await using sampler = await compileSampler(reference(), config, parameters, { sampler: "ddpm", batch: 2 });
    let x = Array.from(start);
    for (const [i, t] of [4, 3, 2, 1, 0].entries()) {
      const [beta, alphaBar, alphaBarNext] = [betas[t]!, alphasCumprod[t]!, alphasCumprod[t - 1] ?? 1];
      const z = normals(stream(6, "steps", i), 32);
      x = x.map((value, j) => {
        const x0 = clipped(meant[objective](value, alphaBar).x0);
        const mean = Math.sqrt(alphaBarNext) * beta * x0 + Math.sqrt(1 - beta) * (1 - alphaBarNext) * value;
        return mean / (1 - alphaBar) + Math.sqrt((beta * (1 - alphaBarNext)) / (1 - alphaBar)) * z[j]!;
      });
    }
    near(await samplesOf(sampler, { seed: 6 }), x);
  });

  test(`inversion in one step with a model of objective ${objective} adds the noise that is found in what the first guess leads to`, async () => {
    await using sampler = await compileInversion(reference(), config, parameters, { steps: 1, batch: 2 });
    const [first, last] = [alphasCumprod[0]!, alphasCumprod[4]!];
    const images = start.map(Math.tanh);
    const noised = (image: number, eps: number): number => Math.sqrt(last) * image + Math.sqrt(1 - last) * eps;
    const expected = Array.from(images, (image) => {
      const guess = noised(image, meant[objective](image, first).eps);
      return noised(image, meant[objective](guess, last).eps);
    });
    near(await samplesOf(sampler, { start: images }), expected);
  });
}

const clipped = (x: number): number => Math.max(-1, Math.min(1, x));

function near(found: Numbers, expected: readonly number[]): void {
  assert.equal(found.length, expected.length);
  for (const [i, x] of expected.entries()) assert.ok(Math.abs(found[i]! - x) < 1e-9, `pixel ${i}: ${found[i]} for ${x}`);
}
