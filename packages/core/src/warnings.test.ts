import assert from "node:assert/strict";
import { test } from "node:test";
import { type Config, configure, scheduleFor } from "./config.ts";
import { presets } from "./presets.ts";
import { rows } from "./sampler.ts";
import { configWarnings, unclippedWarning } from "./warnings.ts";

const warningsOf = (part: Partial<Config>): string[] => configWarnings(configure(part));

test("presets give no cause for warnings, but for the annotated model's, whose text leaves as much signal at T", () => {
  const { annotated, ...others } = presets;
  for (const preset of Object.values(others)) assert.deepEqual(configWarnings(preset), []);
  const [line, ...rest] = configWarnings(annotated);
  assert.match(line!, /^Schedule linear with 300 timesteps leaves 21\.9 % of the image at T/);
  assert.deepEqual(rest, []);
});

test("a linear schedule of few timesteps leaves signal at T, unless it is scaled or rescaled", () => {
  const [line, ...others] = warningsOf({ "diffusion.timesteps": 200 });
  assert.match(line!, /^Schedule linear with 200 timesteps leaves 36\.4 % of the image at T/);
  assert.deepEqual(others, []);
  for (const part of [{ "diffusion.schedule": "linear-scaled" }, { "diffusion.zeroTerminalSnr": true, "diffusion.objective": "v" }] as const) {
    assert.deepEqual(warningsOf({ "diffusion.timesteps": 200, ...part }), []);
  }
});

test("what trains nothing is told", () => {
  assert.match(warningsOf({ "diffusion.variance": "learned", "train.vlbWeight": 0 }).join(), /^Nothing teaches the variance/);
  const zero = { "diffusion.zeroTerminalSnr": true, "train.minSnr": 5 } as const;
  assert.match(warningsOf({ ...zero, "diffusion.objective": "x0" }).join(), /^Min-SNR weighs the loss of x0 by 0 at T/);
  assert.match(warningsOf({ ...zero, "diffusion.objective": "v" }).join(), /^Min-SNR weighs the loss of v by 0 at T/);
});

test("a learned variance's bound is told apart from a schedule that ends in a leap", () => {
  const learned = { "diffusion.variance": "learned", "diffusion.schedule": "cosine" } as const;
  assert.match(warningsOf(learned).join(), /^The last step of schedule cosine has beta 0\.9999, .* where t is the last: choose/);
  assert.match(warningsOf({ ...learned, "train.timesteps": "importance" }).join(), /importance sampling would draw hardly another t/);
  for (const schedule of ["sigmoid-alpha-bar", "linear-scaled"] as const)
    assert.deepEqual(warningsOf({ ...learned, "diffusion.schedule": schedule }), []);
});

test("what changes nothing is told", () => {
  const cases = [
    [{ "train.decaySteps": 5 }, { "train.lrDecay": "linear" }, /^train\.decaySteps does nothing without a decay: choose train\.lrDecay/],
    [{ "train.vlbWeight": 1 }, { "diffusion.variance": "learned" }, /^train\.vlbWeight does nothing .*: choose diffusion\.variance learned/],
    [{ "train.classDropout": 0.5 }, { "model.classes": ["disc"] }, /^train\.classDropout does nothing .* --conditional/],
  ] as const;
  for (const [part, remedy, message] of cases) {
    assert.match(warningsOf(part).join(), message);
    assert.deepEqual(warningsOf({ ...part, ...remedy }), []);
  }
});

test("unclippedWarning() is for eps at the end of a cosine schedule", () => {
  const cosine = scheduleFor(configure({ "diffusion.schedule": "cosine" }));
  assert.match(unclippedWarning(rows("dpm++", cosine))!, /^Without clipping/);
  assert.equal(unclippedWarning(rows("dpm++", cosine, { objective: "v" })), undefined);
  assert.equal(unclippedWarning(rows("dpm++", cosine, { sigmaMax: 80 })), undefined);
  assert.equal(unclippedWarning(rows("dpm++", scheduleFor(configure()))), undefined);
});
