import assert from "node:assert/strict";
import { test } from "node:test";
import { gradients } from "./gradient.ts";
import { elementLoss, type LossName, lossNames, lossWeights, pLosses } from "./loss.ts";
import { evaluate } from "./reference.ts";
import { input } from "./tensor.ts";

const differences = Float64Array.of(-3, -1, -0.4, 0, 0.2, 1, 2.5);
const d = input("d", [7]);
const closed: Record<LossName, { loss: (d: number) => number; slope: (d: number) => number }> = {
  l1: { loss: Math.abs, slope: Math.sign },
  l2: { loss: (d) => d * d, slope: (d) => 2 * d },
  huber: { loss: (d) => (Math.abs(d) < 1 ? d ** 2 / 2 : Math.abs(d) - 0.5), slope: (d) => Math.max(-1, Math.min(1, d)) },
};

for (const name of lossNames) {
  test(`elementLoss() of ${name} and its gradient have their closed forms`, () => {
    const loss = elementLoss(name, d);
    const [values, slopes] = evaluate([loss, gradients(loss.sum(0).reshape(), [d])[0]!], new Map([["d", differences]]));
    differences.forEach((x, i) => {
      assert.ok(Math.abs(values![i]! - closed[name].loss(x)) < 1e-12, `${name} of ${x}: ${values![i]}`);
      assert.ok(Math.abs(slopes![i]! - closed[name].slope(x)) < 1e-12, `slope of ${name} at ${x}: ${slopes![i]}`);
    });
  });
}

test("pLosses() of a padded batch is the mean over its images, as is its gradient", () => {
  const shape = [3, 1, 2, 2];
  const [noise, prediction, weights] = [input("noise", shape), input("prediction", shape), input("weights", [3, 1, 1, 1])];
  const feeds = new Map([
    ["noise", Float64Array.of(0.1, 2, -1, 0.5, 0, 0.3, -0.2, 1, 9, 9, 9, 9)],
    ["prediction", Float64Array.of(0, 0.5, -3, 0.25, 1, 0, 0, 1, 1, 2, 3, 4)],
    ["weights", Float64Array.from(lossWeights(3, 2, 4))],
  ]);
  const loss = pLosses("huber", noise, prediction, weights);
  const whole = pLosses("huber", noise.slice(0, 0, 2), prediction.slice(0, 0, 2));
  const [padded, mean, slope, expected] = evaluate([loss, whole, ...[loss, whole].map((y) => gradients(y, [prediction])[0]!)], feeds);
  assert.deepEqual(loss.shape, []);
  assert.ok(Math.abs(padded![0]! - mean![0]!) < 1e-12);
  for (const [i, x] of slope!.entries()) assert.ok(Math.abs(x - expected![i]!) < 1e-12);
});

test("another loss is a TypeError that names the three", () => {
  for (const name of ["smooth", "toString"]) {
    assert.throws(() => elementLoss(name as LossName, d), { name: "TypeError", message: /Expected loss to be one of l1, l2, huber but found/ });
  }
});

test("lossWeights() of no image is a RangeError", () => {
  assert.throws(() => lossWeights(4, 0, 10), { name: "RangeError", message: "Cannot weigh the losses of 0 images" });
});
