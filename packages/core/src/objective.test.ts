import assert from "node:assert/strict";
import { test } from "node:test";
import { qSample } from "./diffusion.ts";
import { minSnrWeight, type Objective, objectiveNames, readout, target } from "./objective.ts";
import { evaluate } from "./reference.ts";
import { schedule } from "./schedule.ts";
import { constant } from "./tensor.ts";

const s = schedule("cosine", 100);
const [x0, noise] = [0.75, -1.25];
const values = (t: number) => ({ sqrtAlphasCumprod: s.sqrtAlphasCumprod[t]!, sqrtOneMinusAlphasCumprod: s.sqrtOneMinusAlphasCumprod[t]! });
const at = (t: number, objective: Objective): [x: number, prediction: number] => {
  const pair = [constant(x0), constant(noise)] as const;
  const [x, prediction] = evaluate([qSample(...pair, values(t)), target(objective, ...pair, values(t))]);
  return [x![0]!, prediction![0]!];
};

for (const objective of objectiveNames) {
  test(`x0 and eps follow from x and what a model of objective ${objective} is to predict`, () => {
    for (const t of [0, 30, 98]) {
      const [x, prediction] = at(t, objective);
      const { a, b, c, d } = readout(objective, s.alphasCumprod[t]!);
      near(a * x + b * prediction, x0);
      near(c * x + d * prediction, noise);
    }
  });

  test(`a loss of ${objective} with its weight is the loss of x0 by min(snr, gamma)`, () => {
    for (const t of [5, 50, 90]) {
      const snr = s.snr[t]!;
      const { a, b } = readout(objective, s.alphasCumprod[t]!);
      const [x, prediction] = at(t, objective);
      const off = a * x + b * (prediction + 0.01) - x0; // of x0, where the prediction is off by 0.01
      for (const gamma of [0.5, 5]) near(minSnrWeight(objective, snr, gamma) * 0.01 ** 2, Math.min(snr, gamma) * off ** 2);
    }
  });
}

test("minSnrWeight() without gamma leaves the loss as it is", () => {
  for (const objective of objectiveNames) assert.equal(minSnrWeight(objective, 1e-9, 0), 1);
});

test("noise alone has an x0 by what x0 and v predict, but none by eps", () => {
  assert.deepEqual(readout("x0", 0), { a: 0, b: 1, c: 1, d: -0 });
  assert.deepEqual(readout("v", 0), { a: 0, b: -1, c: 1, d: 0 });
  assert.throws(() => readout("eps", 0), {
    name: "RangeError",
    message: /Expected an alphaBar at which x0 and eps follow from eps but found 0; objective v/,
  });
});

test("an unknown objective is a TypeError that names all", () => {
  const unknown = "score" as Objective;
  for (const ask of [() => readout(unknown, 0.5), () => minSnrWeight(unknown, 1, 5), () => at(1, unknown)]) {
    assert.throws(ask, { name: "TypeError", message: /Expected objective to be one of eps, x0, v but found score/ });
  }
});

function near(found: number, expected: number): void {
  assert.ok(Math.abs(found - expected) <= 1e-9 * Math.max(1e-3, Math.abs(expected)), `${found} for ${expected}`);
}
