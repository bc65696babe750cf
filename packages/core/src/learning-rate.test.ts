import assert from "node:assert/strict";
import { test } from "node:test";
import { configure } from "./config.ts";
import { type LrDecay, lrAt } from "./learning-rate.ts";

const config = (lrDecay: LrDecay, warmup: number, decaySteps: number) =>
  configure({ "train.lr": 0.1, "train.lrDecay": lrDecay, "train.warmup": warmup, "train.decaySteps": decaySteps });
const rates = (lrDecay: LrDecay, warmup: number, decaySteps: number, steps: readonly number[]): number[] =>
  steps.map((n) => lrAt(config(lrDecay, warmup, decaySteps), n));

function near(found: readonly number[], expected: readonly number[]): void {
  assert.equal(found.length, expected.length);
  for (const [i, x] of found.entries()) assert.ok(Math.abs(x - expected[i]!) < 1e-12, `number ${i}: ${x} against ${expected[i]}`);
}

test("lrAt() is train.lr at all steps by default", () => {
  near(rates("none", 0, 0, [1, 2, 1e6]), [0.1, 0.1, 0.1]);
});

test("lrAt() rises to train.lr in the steps of the warm-up", () => {
  near(rates("none", 4, 0, [1, 2, 3, 4, 5, 100]), [0.025, 0.05, 0.075, 0.1, 0.1, 0.1]);
});

// After the warm-up step n has the factor that get_{linear,cosine}_schedule_with_warmup of transformers give LambdaLR at n - 1
test("lrAt() falls linearly as in transformers", () => {
  near(rates("linear", 2, 10, [2, 3, 4, 6, 10, 11, 20]), [0.1, 0.1, 0.0875, 0.0625, 0.0125, 0, 0]);
});

test("lrAt() falls by half a cosine as in transformers", () => {
  const half = Math.SQRT1_2;
  near(rates("cosine", 2, 10, [1, 3, 5, 7, 9, 11, 99]), [0.05, 0.1, 0.05 * (1 + half), 0.05, 0.05 * (1 - half), 0, 0]);
});

test("a decay of unknown length is a RangeError, one that ends within the warm-up a SyntaxError", () => {
  assert.throws(() => lrAt(config("cosine", 0, 0), 1), {
    name: "RangeError",
    message: /Cannot let the learning rate fall until step 0 after 0 steps/,
  });
  assert.throws(() => config("linear", 10, 10), { name: "SyntaxError", message: /train.decaySteps to be above 10, which is train.warmup/ });
});
