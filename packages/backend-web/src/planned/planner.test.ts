import assert from "node:assert/strict";
import { test } from "node:test";
import { type Config, configure, imageShape, presets, type Step, samplingStep, trainingStep } from "@ddpm/core";
import { composite, concat, constant, input, Tensor, variable } from "@ddpm/core/graph";
import { model, Scope } from "@ddpm/core/model";
import { NoPlan } from "./graph.ts";
import { planOf } from "./planner.ts";

const notebook = configure({ "model.dim": 28, "model.dimMults": [1, 2, 4], "data.height": 28, "data.width": 28 });

const prediction = (config: Config, batch: number): Step => ({
  outputs: { eps: model(new Scope(), input("x", imageShape(config, batch)), input("t", [1], "int32"), config) },
});

const sources = (step: Step): string[] => planOf(step).passes.map(({ source }) => source);

test("the notebook's model takes few draws, and every batch the same shaders", () => {
  const one = sources(prediction(notebook, 1));
  assert.ok(one.length < 170, `${one.length} draws`);
  assert.ok(new Set(one).size < 25, `${new Set(one).size} shaders`);
  assert.deepEqual(sources(prediction(notebook, 7)), one);
});

test("a sampler's step keeps its state on the device and adds two draws: x0 and x", () => {
  const plan = planOf(samplingStep(notebook, 4, { clip: true }));
  assert.deepEqual([...plan.state.keys()].sort(), ["x", "x0"]);
  assert.deepEqual([...plan.updates.keys()].sort(), ["x", "x0"]);
  assert.equal(plan.uploads.size, 1); // the noise
  assert.equal(plan.passes.length, sources(prediction(notebook, 4)).length + 2);
});

test("a guided step is the model twice, with the weights and shaders of one", () => {
  const classes = configure({ ...notebook, "model.classes": ["a", "b"] });
  const passes = sources(samplingStep(classes, 4, { clip: true, guided: true, inpainting: true }));
  const once = sources(samplingStep(notebook, 4, { clip: true }));
  assert.ok(passes.length <= 2 * once.length, `${passes.length} draws against ${once.length}`);
  assert.ok(new Set(passes).size <= new Set(once).size + 1, `${new Set(passes).size} shaders against ${new Set(once).size}`);
});

test("a step of a model that learns its variance has a plan, guided too", () => {
  const learned = configure({ ...notebook, "model.classes": ["a", "b"], "diffusion.variance": "learned" });
  for (const guided of [false, true])
    assert.deepEqual([...planOf(samplingStep(learned, 2, { clip: true, guided })).updates.keys()].sort(), ["x", "x0"]);
});

test("every texture that a pass reads was written by one before it, or is given", () => {
  const { passes, uploads, state } = planOf(samplingStep(notebook, 1, { clip: false }));
  const there = new Set<object>([...uploads.values(), ...state.values()].map(({ surface }) => surface));
  for (const { name, inputs, output } of passes) {
    for (const source of inputs.values()) assert.ok(source.kind !== "surface" || there.has(source), name);
    assert.ok(![...inputs.values()].includes(output), name);
    there.add(output);
  }
});

test("the other U-Nets have plans, with a few shaders more", () => {
  const known = (preset: "ddpm-cifar10" | "annotated"): string[] => sources(samplingStep(presets[preset], 2, { clip: true }));
  const [ddpm, annotated] = [known("ddpm-cifar10"), known("annotated")];
  assert.ok(ddpm.length < 320 && new Set(ddpm).size < 25, `${ddpm.length} draws, ${new Set(ddpm).size} shaders`);
  assert.ok(annotated.length < 230 && new Set(annotated).size < 30, `${annotated.length} draws, ${new Set(annotated).size} shaders`);
});

const image = (): Tensor => input("x", [1, 4, 4, 4]);

const unplanned: Readonly<Record<string, { readonly step: Step; readonly reason: RegExp }>> = {
  training: { step: trainingStep(configure({ "model.dim": 8 })).step, reason: /it updates \S+ of \[\d+\], which is no image/ },
  "a number as output": { step: { outputs: { sum: image().sum(0, 1, 2, 3).reshape() } }, reason: /no image/ },
  "an output of the host": { step: { outputs: { y: constant(1).expand(1, 4, 4, 4) } }, reason: /does not depend on an image/ },
  "another op": { step: { outputs: { y: image().sin() } }, reason: /it has sin/ },
  "products of images": { step: { outputs: { y: image().conv2d(input("kernel", [3, 3, 4, 4]), { padding: 1 }) } }, reason: /with each other/ },
  "images of two sizes": { step: { outputs: { y: image().add(input("y", [1, 4, 4, 1])) } }, reason: /different sizes/ },
  "two batches": { step: { outputs: { y: image(), z: input("z", [2, 4, 4, 4]).mul(2) } }, reason: /2 images beside 1/ },
  "rows joined before a convolution": {
    step: { outputs: { y: concat([image(), image()], 1).conv2d(variable("k", [3, 3, 4, 4]), { padding: 1 }) } },
    reason: /another axis/,
  },
  "a fixed picture as a part": { step: { outputs: { y: concat([image(), variable("m", [1, 4, 4, 2])], 3).mul(2) } }, reason: /as an image/ },
  "a product that is broadcast": {
    step: { outputs: { y: image().add(image().conv2d(variable("k", [3, 3, 4, 1]), { padding: 1 })) } },
    reason: /different sizes/,
  },
  "a number that GLSL does not have": { step: { outputs: { y: image().clip(0, Infinity) } }, reason: /Infinity/ },
  "a linear attention of what is not normalised": {
    step: {
      outputs: {
        y: composite(image(), [image(), variable("q", [4, 8]), variable("k", [4, 8]), variable("o", [2, 4, 4])], {
          name: "linearAttention",
          heads: 2,
        }),
      },
    },
    reason: /linear attention does not follow a normalisation of one group/,
  },
  "rows joined": { step: { outputs: { y: concat([image(), image()], 1) } }, reason: /another axis/ },
  "one image for two variables": {
    step: { outputs: {}, updates: ((y) => ({ a: y, b: y }))(variable("a", [1, 4, 4, 4]).mul(2)) },
    reason: /two variables/,
  },
  "a transposed convolution of stride 1": {
    step: { outputs: { y: new Tensor("conv2dInputGrad", [image(), variable("k", [3, 3, 4, 4])], { stride: 1, padding: 1, shape: [1, 4, 4, 4] }) } },
    reason: /stride 1/,
  },
};

for (const [name, { step, reason }] of Object.entries(unplanned)) {
  test(`no plan for ${name}, and the reason says so`, () => {
    assert.throws(
      () => planOf(step),
      (error) => error instanceof NoPlan && reason.test(error.message),
    );
  });
}
