import assert from "node:assert/strict";
import { test } from "node:test";
import { type Objective, objectiveNames } from "./objective.ts";
import { inversionRows, rows, type SamplerName, samplerNames } from "./sampler.ts";
import { type Schedule, schedule } from "./schedule.ts";
import { ddim, euler, type Row } from "./solvers.ts";
import { levelsAt, type Spacing, sigmaOf, spacingNames } from "./spacing.ts";

/** x0 at which a model believes x to be drawn from, at a level. */
type Belief = (x: number, alphaBar: number) => number;

/** Walks a table from x without noise, with a model of this belief: at each row the level that the row before it ended at. */
function walk(table: readonly Row[], start: { x: number; alphaBar: number }, objective: Objective, belief: Belief): number {
  let { x, alphaBar } = start;
  let previous = 0;
  for (const { a, b, c, d, A, B, C, D, alphaBarNext } of table) {
    const x0 = belief(x, alphaBar);
    const eps = (x - Math.sqrt(alphaBar) * x0) / Math.sqrt(1 - alphaBar);
    const prediction = { eps, x0, v: Math.sqrt(alphaBar) * eps - Math.sqrt(1 - alphaBar) * x0 }[objective];
    const found = a * x + b * prediction;
    [x, previous] = [A * x + B * found + C * previous + D * (c * x + d * prediction), found];
    alphaBar = alphaBarNext;
  }
  return x;
}

const objectivesOf = (zeroTerminalSnr: boolean): readonly Objective[] => (zeroTerminalSnr ? ["x0", "v"] : objectiveNames);

for (const name of samplerNames) {
  test(`${name} arrives at the image that a model is sure of, by each objective and spacing, even from noise alone`, () => {
    for (const zeroTerminalSnr of [false, true]) {
      const s = schedule("linear-scaled", 300, { zeroTerminalSnr });
      for (const objective of objectivesOf(zeroTerminalSnr)) {
        for (const spacing of spacingNames.filter((spacing) => !zeroTerminalSnr || spacing !== "leading")) {
          for (const clip of [false, true]) {
            for (const steps of [2, 3, 10, 11]) {
              const table = rows(name, s, { steps, objective, spacing, sigmaMax: Infinity, clip });
              assert.equal(table.length, steps);
              const first = alphaBarOfFirst(s, spacing, table);
              near(
                walk(table, { x: 1.5, alphaBar: first }, objective, () => 0.25),
                0.25,
                1e-9,
              );
            }
          }
        }
      }
    }
  });
}

const alphaBarOfFirst = ({ alphasCumprod }: Schedule, spacing: Spacing, table: readonly Row[]): number =>
  alphasCumprod[spacing === "karras" ? alphasCumprod.length - 1 : table[0]!.t]!;

/** What is drawn from a normal distribution of this deviation, whose ODE has a closed form: x keeps its place in it. */
const deviation = 0.5;
const spread = (alphaBar: number): number => Math.sqrt(alphaBar * deviation ** 2 + 1 - alphaBar);
const gaussian: Belief = (x, alphaBar) => (Math.sqrt(alphaBar) * deviation ** 2 * x) / spread(alphaBar) ** 2;
const s = schedule("cosine", 1000);
const last = { x: 1, alphaBar: s.alphasCumprod[999]! };

function error(name: SamplerName, steps: number): number {
  const linear = schedule("linear", 600);
  const alphaBar = linear.alphasCumprod[599]!;
  const table = rows(name, linear, { steps, spacing: name === "dpm++" ? "trailing" : "linspace", clip: false });
  return Math.abs(walk(table, { x: 1, alphaBar }, "eps", gaussian) - deviation / spread(alphaBar));
}

test("twice the steps halve Euler's and DDIM's error and quarter Heun's, which is less for as many model calls, as is DPM-Solver++'s", () => {
  for (const name of ["euler", "ddim"] as const) near(error(name, 50) / error(name, 100), 2, 0.1);
  near(error("heun", 51) / error("heun", 101), 4, 0.2);
  for (const name of ["heun", "dpm++"] as const) assert.ok(error(name, 40) < error("euler", 40) / 3, `${name}: ${error(name, 40)}`);
});

test("ddim() is Euler's method", () => near(error("ddim", 20), error("euler", 20), 1e-9));

test("sigmaMax leaves out what is noisier, and all of it is a RangeError", () => {
  for (const name of samplerNames) {
    const table = rows(name, s, { steps: 9, sigmaMax: 20, spacing: "trailing" });
    const sigma = (t: number): number => sigmaOf(s.alphasCumprod[t]!);
    assert.ok(sigma(table[0]!.t) <= 20 && sigma(table[0]!.t + 1) > 20, `${name} begins at ${sigma(table[0]!.t)}`);
  }
  assert.throws(() => rows("ddim", s, { sigmaMax: 1e-3 }), { name: "RangeError", message: /sigmaMax of at least 0\.01\S*, .* found 0\.001/ });
});

test("heun corrects all steps but the last, those from sigmas above 80, and the first where model calls lack", () => {
  const corrected = (steps: number, constants = schedule("linear", 600)): boolean[] =>
    rows("heun", constants, { steps, spacing: "linspace", sigmaMax: Infinity }).map(({ C }) => C !== 0);
  assert.deepEqual(corrected(5), [false, true, false, true, false]);
  assert.deepEqual(corrected(6), [false, false, true, false, true, false]);
  assert.deepEqual(corrected(6, s), [false, false, true, false, true, false]);
  assert.deepEqual(corrected(5, s), [false, false, false, true, false]);
});

test("inversionRows() lead an image to the noise that ddim leads back to it, the nearer the more steps", () => {
  for (const objective of objectiveNames) {
    const off = (steps: number): number => {
      const backwards = inversionRows(s, { steps, objective });
      const noise = walk(backwards, { x: 0.4, alphaBar: s.alphasCumprod[0]! }, objective, gaussian);
      const forwards = rows("ddim", s, { steps, objective, clip: false });
      near(backwards.at(-1)!.alphaBarNext, last.alphaBar, 0);
      return Math.abs(walk(forwards, { ...last, x: noise }, objective, gaussian) - 0.4);
    };
    assert.ok(off(50) < 0.002, `${objective}: ${off(50)} after 50 steps`);
    assert.ok(off(1000) < 1e-5, `${objective}: ${off(1000)} after 1000 steps`);
  }
});

function near(found: number, expected: number, tolerance: number): void {
  assert.ok(Math.abs(found - expected) <= tolerance * Math.max(1, Math.abs(expected)), `${found} for ${expected}`);
}

test("DDIM that rederives eps is Euler's method, and the same where x0 is not clipped", () => {
  const levels = levelsAt(schedule("linear", 100), [99, 60, 30, 5]);
  const near = (found: readonly Row[], expected: readonly Row[]): void => {
    for (const [i, row] of found.entries())
      for (const name of ["a", "b", "A", "B", "D", "E"] as const) assert.ok(Math.abs(row[name] - expected[i]![name]) < 1e-12, `${name} of row ${i}`);
  };
  near(ddim(levels, { clip: true, rederive: true }), euler(levels));
  near(ddim(levels, { clip: false, rederive: true }), ddim(levels, { clip: false }));
});
