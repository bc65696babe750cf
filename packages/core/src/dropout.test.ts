import assert from "node:assert/strict";
import { test } from "node:test";
import { inputsOf, type Numbers, type Step } from "./backend.ts";
import { configure } from "./config.ts";
import { batch } from "./dataset.ts";
import { gradients } from "./gradient.ts";
import { dropout } from "./nn.ts";
import { normals, stream } from "./random.ts";
import { evaluate } from "./reference.ts";
import { samplingStep } from "./sampling.ts";
import { Scope } from "./scope.ts";
import { size } from "./shape.ts";
import { shapes } from "./shapes.ts";
import { input, type Tensor } from "./tensor.ts";
import { initialState, trainingFeeds, trainingStep } from "./training.ts";

const numbers = input("numbers", [6], "int32");

/** Dropout of ones: which are left, and what they become. */
function ofOnes(rate: number, shape: readonly number[], { step = 1, first = 0, path = "block" } = {}): Float64Array {
  const feeds = new Map<string, Numbers>([
    ["x", new Float64Array(size(shape)).fill(1)],
    ["numbers", stream(0, "dropout", step, first)],
  ]);
  return evaluate([dropout(new Scope(path), input("x", shape), rate, numbers)], feeds)[0]!;
}

test("dropout() zeroes its share of the numbers and keeps the mean", () => {
  for (const rate of [0.1, 0.5]) {
    const y = ofOnes(rate, [20, 10, 10, 3]);
    assert.deepEqual(new Set(y), new Set([0, 1 / (1 - rate)]));
    const zeros = y.filter((x) => x === 0).length / y.length;
    assert.ok(Math.abs(zeros - rate) < 0.03, `${zeros} for ${rate}`);
  }
});

test("what dropout() zeroes depends on step, image and place, and not on the batch", () => {
  const shape = (images: number) => [images, 3, 3, 3]; // 27 numbers: no whole blocks
  const four = ofOnes(0.5, shape(4));
  assert.deepEqual(ofOnes(0.5, shape(2), { first: 2 }), four.slice(54));
  const others = [ofOnes(0.5, shape(4), { step: 2 }), ofOnes(0.5, shape(4), { path: "other" }), ofOnes(0.5, shape(4), { first: 4 })];
  const images = [four, ...others].flatMap((y) => [0, 1, 2, 3].map((i) => y.slice(27 * i, 27 * i + 27).join()));
  assert.equal(new Set(images).size, images.length);
});

for (const block of ["resnet", "convnext"] as const) {
  test(`gradients of ${block} blocks with dropout are the slopes of the loss`, async () => {
    const config = configure({
      "model.dim": 4,
      "model.dimMults": [1],
      "model.block": block,
      "model.dropout": 0.4,
      "train.loss": "l2",
      "data.height": 4,
      "data.width": 4,
      "diffusion.timesteps": 5,
      "train.batch": 2,
    });
    const training = trainingStep(config);
    const data = await batch(shapes({ height: 4, width: 4 }), { seed: 0, batch: 2, step: 1, flip: false });
    const values = new Map<string, Numbers>([...initialState(training, 0), ...Object.entries(trainingFeeds(config, data, 1))]);
    const loss = training.step.outputs["loss"]!;
    const names = [...training.scope.parameters.keys()].filter((name) => /^(init_conv|downs\.0\.[01]|mid_block1)\b.*weight$/.test(name));
    const slopes = evaluate(
      gradients(
        loss,
        names.map((name) => training.scope.parameters.get(name)!.tensor),
      ),
      values,
    );
    const at = (name: string, change: Float64Array): number =>
      evaluate([loss as Tensor], new Map([...values, [name, Float64Array.from(values.get(name)!, (x, i) => x + change[i]!)]]))[0]![0]!;
    for (const [k, name] of names.entries()) {
      const direction = normals(stream(1, "noise", k), slopes[k]!.length);
      const h = 1e-5;
      const difference =
        at(
          name,
          direction.map((d) => d * h),
        ) -
        at(
          name,
          direction.map((d) => -d * h),
        );
      const slope = slopes[k]!.reduce((sum, x, i) => sum + x * direction[i]!, 0);
      assert.ok(Math.abs(difference / (2 * h) - slope) <= 1e-6 * (Math.abs(slope) + 1e-3), `${name}: ${difference / (2 * h)} against ${slope}`);
    }
  });
}

test("dropout is for training, and only where it is asked for", () => {
  const streams = (step: Step): string[] =>
    [...inputsOf(Object.values({ ...step.outputs, ...step.updates })).keys()].filter((name) => name === "dropout");
  const [none, some] = [configure(), configure({ "model.dropout": 0.1 })];
  assert.deepEqual(streams(trainingStep(none).step), []);
  assert.deepEqual(streams(trainingStep(some).step), ["dropout"]);
  assert.deepEqual(streams(samplingStep(some, 1, { clip: false })), []);
});
