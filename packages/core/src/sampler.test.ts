import assert from "node:assert/strict";
import { test } from "node:test";
import { goldenJson } from "../test/golden.ts";
import { pSample } from "./diffusion.ts";
import type { Objective } from "./objective.ts";
import { evaluate } from "./reference.ts";
import {
  coefficientNames,
  mostSteps,
  type RowCoefficients,
  rows,
  type SamplerName,
  type SamplerOptions,
  samplerNames,
  samplerStep,
} from "./sampler.ts";
import { type Schedule, schedule, scheduleOf } from "./schedule.ts";
import { ddim, ddpm, type Row } from "./solvers.ts";
import { levelsAt, type Spacing, spacingNames } from "./spacing.ts";
import { constant, input } from "./tensor.ts";

interface Case {
  name: string;
  steps: number;
  timesteps: number[];
  init_noise_sigma?: number;
  xT: number[];
  noise: number[][];
  x: number[][];
  config: {
    clip_sample?: boolean;
    timestep_spacing?: Spacing;
    use_karras_sigmas?: boolean;
    beta_start?: number;
    beta_end?: number;
    beta_schedule?: string;
    prediction_type?: string;
  };
}

const names: Record<string, SamplerName> = { ddpm: "ddpm", ddim: "ddim", dpmpp2m: "dpm++", euler: "euler", heun: "heun" };
const objectives: Record<string, Objective> = { epsilon: "eps", sample: "x0", v_prediction: "v" };
const s = schedule("linear", 1000);
const all = Array.from({ length: 1000 }, (_, i) => 999 - i);

for (const golden of goldenJson<{ cases: Case[] }>("samplers.json").cases) {
  test(`rows() step as diffusers' ${golden.name}`, () => {
    const [name, kind] = golden.name.split("-") as [string, string];
    const { clip_sample: clip = false, timestep_spacing: own = kind as Spacing, use_karras_sigmas: karras, prediction_type: type } = golden.config;
    const [sampler, constants] = [names[name]!, recordedSchedule(golden.config)];
    const steps = name === "heun" ? 2 * golden.steps - 1 : golden.steps;
    const options = {
      steps,
      spacing: karras ? "karras" : own,
      clip,
      rederive: false,
      eta: kind === "eta1" ? 1 : 0,
      objective: objectives[type ?? "epsilon"]!,
    } as const;
    const table = rows(sampler, constants, options);
    assert.deepEqual(
      table.map(({ t }) => t),
      golden.timesteps,
    );
    const range = Math.max(...golden.x.flat().map(Math.abs));
    const states = drive(table, golden, { clip, inSigma: ["euler", "heun"].includes(sampler), alphaBar: constants.alphasCumprod });
    for (const [i, x] of golden.x.entries()) {
      for (const [j, value] of x.entries())
        assert.ok(Math.abs(states[i]![j]! - value) <= 1e-4 * range, `x[${i}][${j}]: ${states[i]![j]} for ${value}`);
    }
  });
}

/** Of the recorded betas; diffusers' cosine schedule is ours with other bounds. */
function recordedSchedule({ beta_schedule: kind, beta_start: first = 1e-4, beta_end: last = 0.02 }: Case["config"]): Schedule {
  const alphaBar = (t: number): number => Math.cos((((t / 1000 + 0.008) / 1.008) * Math.PI) / 2) ** 2;
  const beta = (t: number): number =>
    kind === "squaredcos_cap_v2" ? Math.min(1 - alphaBar(t + 1) / alphaBar(t), 0.999) : first + ((last - first) * t) / 999;
  return scheduleOf(Array.from({ length: 1000 }, (_, t) => beta(t)));
}

interface Drive {
  readonly clip: boolean;
  /** Whether states are recorded in the space where the image keeps its scale. */
  readonly inSigma: boolean;
  readonly alphaBar: Float64Array;
}

/** The states after each step in plain arithmetic, with the recorded prediction and noise. */
function drive(table: readonly Row[], { xT, noise, init_noise_sigma: sigma = 1 }: Case, { clip, inSigma, alphaBar }: Drive): number[][] {
  let x = inSigma ? xT.map((v) => v * sigma * Math.sqrt(alphaBar[table[0]!.t]!)) : xT;
  let previous = xT.map(() => 0);
  return table.map(({ t, a, b, c, d, A, B, C, D, E, alphaBarNext }, step) => {
    const prediction = x.map((v) => Math.sqrt(1 - alphaBar[t]!) * v + 0.1 * Math.sin(3 * v));
    const x0 = x.map((v, i) => a * v + b * prediction[i]!).map((v) => (clip ? Math.max(-1, Math.min(1, v)) : v));
    x = x.map((v, i) => A * v + B * x0[i]! + C * previous[i]! + D * (c * v + d * prediction[i]!) + E * (noise[step]?.[i] ?? 0));
    previous = x0;
    return inSigma ? x.map((v) => v / Math.sqrt(alphaBarNext)) : x;
  });
}

const formula = { a: 2, b: 0.5, c: 0.25, d: -1, A: 3, B: 0.7, C: -0.2, D: 1.5, E: 0.1, F: 0.3 };
const coefficients = (row: typeof formula) => Object.fromEntries(coefficientNames.map((name) => [name, constant(row[name])])) as RowCoefficients;

test("samplerStep() computes a row's formula", () => {
  const [x, x0Previous, prediction, z] = ["x", "x0Previous", "prediction", "z"].map((name) => input(name, [2]));
  const values = { x: [0.5, -2], x0Previous: [1, 0.25], prediction: [-1, 2], z: [0.1, 3] };
  const feeds = new Map(Object.entries(values).map(([name, numbers]) => [name, Float64Array.from(numbers)]));
  const row = coefficients(formula);
  for (const clip of [false, true]) {
    const next = samplerStep(x!, x0Previous!, prediction!, z!, row, { clip });
    const [found, x0] = evaluate([next.x, next.x0], feeds);
    const expected = [0.5, clip ? -1 : -3];
    for (const [i, v] of expected.entries()) assert.ok(Math.abs(x0![i]! - v) < 1e-12);
    near(found![0]!, 3 * 0.5 + 0.7 * 0.5 - 0.2 * 1 + 1.5 * (0.25 * 0.5 + 1) + 0.1 * 0.1);
    near(found![1]!, 3 * -2 + 0.7 * expected[1]! - 0.2 * 0.25 + 1.5 * (0.25 * -2 - 2) + 0.1 * 3);
  }
});

test("samplerStep() makes the noise exp(F·spread) times as large where the model has twice as many channels", () => {
  const [x, x0Previous, z] = ["x", "x0Previous", "z"].map((name) => input(name, [1, 2]));
  const values = { x: [0.5, -2], x0Previous: [1, 0.25], output: [-1, 2, 2, -1], z: [0.1, 3] }; // spreads 2 and -1
  const feeds = new Map(Object.entries(values).map(([name, numbers]) => [name, Float64Array.from(numbers)]));
  const next = samplerStep(x!, x0Previous!, input("output", [1, 4]), z!, coefficients(formula));
  const [found, x0] = evaluate([next.x, next.x0], feeds);
  assert.deepEqual([...x0!], [0.5, -3]);
  near(found![0]!, 3 * 0.5 + 0.7 * 0.5 - 0.2 * 1 + 1.5 * (0.25 * 0.5 + 1) + 0.1 * Math.exp(0.6) * 0.1);
  near(found![1]!, 3 * -2 + 0.7 * -3 - 0.2 * 0.25 + 1.5 * (0.25 * -2 - 2) + 0.1 * Math.exp(-0.3) * 3);
});

test("ddpm() over all timesteps without clip is pSample(), eq. 11, for both variances", () => {
  for (const variance of ["posterior", "beta"] as const) {
    for (const row of ddpm(levelsAt(s, all), { variance, clip: false })) {
      const { t, A, D, E } = row;
      const sigmas = t === 0 ? 0 : Math.sqrt((variance === "beta" ? s.betas : s.posteriorVariance)[t]!);
      const [betas, sqrtRecipAlphas, sqrtOneMinusAlphasCumprod] = [s.betas[t]!, s.sqrtRecipAlphas[t]!, s.sqrtOneMinusAlphasCumprod[t]!];
      const [x, eps, z] = [constant(0.7), constant(-1.3), constant(0.4)];
      near(A * 0.7 - D * 1.3 + E * 0.4, evaluate([pSample(x, eps, z, { betas, sqrtRecipAlphas, sqrtOneMinusAlphasCumprod, sigmas })])[0]![0]!, 1e-10);
      assert.deepEqual([row.B, row.C, row.c, row.d], [0, 0, 0, 1]);
    }
  }
});

test("ddpm() with and without clip agree where x0 is within bounds, and so does ddim()", () => {
  for (const sampler of [ddpm, ddim]) {
    const [clipped, direct] = [true, false].map((clip) => sampler(levelsAt(s, [900, 500, 100, 7]), { clip }));
    for (const [i, p] of clipped!.entries()) {
      const q = direct![i]!;
      near(p.A + p.B * p.a, q.A, 1e-9);
      near(p.B * p.b + p.D, q.D, 1e-9);
      near(p.E, q.E);
    }
  }
});

test("ddim() with eta 1 has DDPM's variance, and the same mean", () => {
  const list = [999, 750, 400, 10, 0];
  const ancestral = ddpm(levelsAt(s, list), { clip: false });
  for (const [i, row] of ddim(levelsAt(s, list), { eta: 1, clip: false }).entries()) {
    near(row.E, ancestral[i]!.E);
    near(row.A, ancestral[i]!.A, 1e-9);
    near(row.D, ancestral[i]!.D, 1e-9);
  }
});

test("the last step draws no noise, and ddim's and dpm++'s gives x0", () => {
  for (const spacing of spacingNames) {
    assert.equal(rows("ddpm", s, { steps: 10, spacing, variance: "beta" }).at(-1)!.E, 0);
    const { A, B, C, D, E } = rows("dpm++", s, { steps: 10, spacing }).at(-1)!;
    assert.deepEqual([A, B, C, D, E], [0, 1, 0, 0, 0]);
    const last = rows("ddim", s, { steps: 10, spacing, eta: 1 }).at(-1)!;
    assert.deepEqual([last.A, last.B, last.D, last.E], [0, 1, 0, 0]);
  }
});

test("each row ends at the level where the next one begins, and the last at the image", () => {
  for (const name of samplerNames) {
    const table = rows(name, s, { steps: 9, spacing: "trailing", sigmaMax: Infinity }).filter(({ C }) => name !== "heun" || C === 0);
    assert.deepEqual(
      table.map(({ alphaBarNext }) => alphaBarNext),
      [...table.slice(1).map(({ t }) => s.alphasCumprod[t]), 1],
    );
  }
});

test("rows() of every sampler keep an image that is x0 = 0 plus predicted noise on its way", () => {
  for (const name of ["ddim", "dpm++"] as const) {
    let x = s.sqrtOneMinusAlphasCumprod[999]!;
    const table = rows(name, s, { steps: 9, spacing: "trailing" });
    for (const [i, row] of table.entries()) {
      x = row.A * x + row.D;
      near(x, s.sqrtOneMinusAlphasCumprod[table[i + 1]?.t ?? -1] ?? 0, 1e-9);
    }
  }
});

test("rows() default to all timesteps for ddpm, 50 for ddim and euler, 20 for dpm++, 35 for heun, or as many as there are", () => {
  const counts = (constants: Schedule): number[] => samplerNames.map((name) => rows(name, constants).length);
  assert.deepEqual(samplerNames, ["ddpm", "ddim", "dpm++", "euler", "heun"]);
  assert.deepEqual(counts(s), [1000, 50, 20, 50, 35]);
  assert.deepEqual(counts(schedule("linear", 10)), [10, 10, 9, 10, 19]);
});

test("impossible steps are a RangeError that says what is possible", () => {
  const ten = schedule("linear", 10);
  for (const steps of [0, -3, 2.5, Number.NaN, 11]) {
    assert.throws(() => rows("dpm++", ten, { steps, spacing: "trailing" }), {
      name: "RangeError",
      message: /\[1, 10\] with trailing .* 10 timesteps/,
    });
  }
  for (const spacing of ["leading", "linspace"] as const) {
    assert.throws(() => rows("dpm++", ten, { steps: 10, spacing }), { name: "RangeError", message: /\[1, 9\]/ });
  }
  for (const steps of [0, 20]) assert.throws(() => rows("heun", ten, { steps }), { name: "RangeError", message: /\[1, 19\]/ });
});

test("unknown names are a TypeError that names all", () => {
  assert.throws(() => rows("plms" as SamplerName, s), {
    name: "TypeError",
    message: /Expected sampler to be one of ddpm, ddim, dpm\+\+, euler, heun but found plms/,
  });
  assert.throws(() => rows("ddpm", s, { spacing: "even" as Spacing }), {
    name: "TypeError",
    message: /Expected spacing to be one of leading, trailing, linspace, karras but found even/,
  });
  for (const options of [{ variance: "large" }, { objective: "score" }])
    assert.throws(() => rows("ddpm", s, options as SamplerOptions), { name: "TypeError", message: /Expected (variance|objective) to be one of / });
});

test("eta is in [0, 1] and for ddim alone", () => {
  for (const eta of [-0.1, 1.1, Number.NaN])
    assert.throws(() => rows("ddim", s, { eta }), { name: "RangeError", message: /Expected eta to be in \[0, 1\] but found/ });
  assert.throws(() => rows("ddpm", s, { eta: 0.5 }), {
    name: "TypeError",
    message: /Expected no eta for sampler ddpm but found 0\.5; leave it out or choose ddim$/,
  });
});

function near(found: number, expected: number, tolerance = 1e-12): void {
  assert.ok(Math.abs(found - expected) <= tolerance * Math.max(1, Math.abs(expected)), `${found} for ${expected}`);
}

test("mostSteps() is how many steps rows() makes at most", () => {
  for (const name of samplerNames) {
    const most = mostSteps(name, schedule("cosine", 30), { sigmaMax: 80 });
    assert.equal(rows(name, schedule("cosine", 30), { steps: most, sigmaMax: 80 }).length, most, name);
    assert.throws(() => rows(name, schedule("cosine", 30), { steps: most + 1, sigmaMax: 80 }), RangeError, name);
  }
});
