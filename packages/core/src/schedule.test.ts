import assert from "node:assert/strict";
import { test } from "node:test";
import { goldenJson } from "../test/golden.ts";
import { betas, extract, type Schedule, type ScheduleName, schedule, scheduleNames, scheduleOf } from "./schedule.ts";

const camel = (name: string): string => name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());

for (const [name, tables] of Object.entries(goldenJson<Record<string, Record<string, number[]>>>("schedules.json"))) {
  test(`schedule() gives PyTorch's ${name} within 1e-12`, () => {
    const [, kind, timesteps] = /^(.*)-(\d+)$/.exec(name)!;
    const constants = schedule(kind!.replaceAll("_", "-") as ScheduleName, Number(timesteps));
    for (const [key, expected] of Object.entries(tables)) {
      const found = constants[camel(key) as keyof Schedule];
      assert.equal(found.length, expected.length, key);
      expected.forEach((x, t) => {
        const error = Math.abs(found[t]! - x);
        assert.ok(error <= 1e-12 * Math.max(1, Math.abs(x)) && error <= 1e-8 * Math.abs(x), `${key}[${t}]: ${found[t]} for ${x}`);
      });
    }
  });
}

test("alphaBar falls and stays in (0, 1), and the other constants are finite, for every schedule", () => {
  for (const name of scheduleNames) {
    const constants = schedule(name, 300);
    for (const [key, values] of Object.entries(constants)) assert.ok((values as Float64Array).every(Number.isFinite), `${name} ${key}`);
    const { alphasCumprod, alphasCumprodPrev } = constants;
    assert.ok(
      alphasCumprod.every((alphaBar, t) => alphaBar > 0 && alphaBar < alphasCumprodPrev[t]!),
      name,
    );
  }
});

test("the posterior is Bayes' rule for Gaussians", () => {
  const s = schedule("cosine", 50);
  for (let t = 1; t < 50; t++) {
    const [likelihood, prior] = [s.alphas[t]! / s.betas[t]!, 1 / (1 - s.alphasCumprodPrev[t]!)];
    const variance = 1 / (likelihood + prior);
    close(s.posteriorVariance[t]!, variance);
    close(s.posteriorMeanCoef1[t]!, variance * prior * Math.sqrt(s.alphasCumprodPrev[t]!));
    close(s.posteriorMeanCoef2[t]!, (variance * Math.sqrt(s.alphas[t]!)) / s.betas[t]!);
    close(s.posteriorLogVarianceClipped[t]!, Math.log(variance));
  }
  assert.equal(s.posteriorLogVarianceClipped[0], s.posteriorLogVarianceClipped[1]);
});

test("zero terminal SNR keeps the first alphaBar, stretches √alphaBar evenly, and ends at noise alone", () => {
  for (const name of scheduleNames) {
    const [plain, zero] = [schedule(name, 300), schedule(name, 300, { zeroTerminalSnr: true })];
    close(zero.alphasCumprod[0]!, plain.alphasCumprod[0]!);
    assert.deepEqual([zero.alphasCumprod[299], zero.snr[299], zero.betas[299]], [0, 0, 1]);
    const [first, last] = [plain.sqrtAlphasCumprod[0]!, plain.sqrtAlphasCumprod[299]!];
    for (const t of [1, 150, 298]) close(zero.sqrtAlphasCumprod[t]!, ((plain.sqrtAlphasCumprod[t]! - last) * first) / (first - last));
  }
});

test("with zero terminal SNR only what divides by √alphaBar is infinite, and only at the last timestep", () => {
  const constants = Object.entries(schedule("linear", 100, { zeroTerminalSnr: true })) as [keyof Schedule, Float64Array][];
  const infinite = constants.filter(([, values]) => !values.every(Number.isFinite));
  assert.deepEqual(infinite.map(([key]) => key).sort(), ["sqrtRecipAlphas", "sqrtRecipAlphasCumprod", "sqrtRecipm1AlphasCumprod"]);
  for (const [key, values] of infinite) assert.ok(values.subarray(0, 99).every(Number.isFinite), key);
});

test("a schedule may have one timestep, the first of its betas", () => {
  assert.deepEqual([...betas("linear", 1)], [1e-4]);
  assert.equal(schedule("linear", 1).posteriorVariance[0], 0);
});

test("an unknown schedule is a TypeError that names all", () => {
  const unknown = "linaer" as ScheduleName;
  assert.throws(() => schedule(unknown, 10), {
    name: "TypeError",
    message: `Expected schedule to be one of ${scheduleNames.join(", ")} but found linaer`,
  });
  assert.throws(() => schedule("constructor" as ScheduleName, 10), TypeError);
});

test("impossible timesteps are a RangeError", () => {
  for (const timesteps of [0, -1, 1.5, Number.NaN, Infinity])
    assert.throws(() => betas("linear", timesteps), { name: "RangeError", message: /Expected timesteps to be an integer of at least 1 but found/ });
  assert.throws(() => betas("linear-scaled", 20), {
    name: "RangeError",
    message: /Expected betas below 1 but found 1 at t = 19 of schedule linear-scaled with 20 timesteps; choose more timesteps or another schedule$/,
  });
  for (const beta of [0, 1.1, -0.1, Number.NaN])
    assert.throws(() => scheduleOf([0.1, beta]), { name: "RangeError", message: /Expected betas to be above 0 and below 1 but found .* at t = 1$/ });
  for (const betas of [[1], [0.1, 1, 0.1]]) assert.throws(() => scheduleOf(betas), RangeError);
  assert.throws(() => schedule("linear", 1, { zeroTerminalSnr: true }), {
    name: "RangeError",
    message: /at least 2 timesteps to rescale to zero terminal SNR but found 1; choose more$/,
  });
});

test("extract() takes the values at the timesteps, and only at those there are", () => {
  assert.deepEqual([...extract([5, 6, 7], Int32Array.of(2, 0, 2))], [7, 5, 7]);
  for (const t of [3, -1, 0.5])
    assert.throws(() => extract([5, 6, 7], [t]), { name: "RangeError", message: /Expected timestep to be an integer in \[0, 3\) but found/ });
});

function close(found: number, expected: number): void {
  assert.ok(Math.abs(found - expected) <= 1e-9 * Math.abs(expected), `${found} for ${expected}`);
}
