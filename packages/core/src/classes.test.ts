import assert from "node:assert/strict";
import { test } from "node:test";
import type { Numbers } from "./backend.ts";
import { classRows, droppedLabels, guide, labelsInRows } from "./classes.ts";
import { configure, scheduleFor } from "./config.ts";
import { batch } from "./dataset.ts";
import { model } from "./model.ts";
import { normals, startNoise, stream } from "./random.ts";
import { evaluate, reference } from "./reference.ts";
import { compileSampler, type Draw, samplesOf } from "./sampling.ts";
import { Scope } from "./scope.ts";
import { shapes } from "./shapes.ts";
import { array, input } from "./tensor.ts";
import { initialState, trainingFeeds, trainingStep } from "./training.ts";

const config = configure({
  "model.dim": 4,
  "model.dimMults": [1, 2],
  "model.classes": ["disc", "square", "triangle"],
  "data.height": 4,
  "data.width": 4,
  "diffusion.timesteps": 3,
  "train.batch": 4,
});

test("classRows() marks each label's place, and the last one where there is none", () => {
  assert.deepEqual([...classRows(config, [2, undefined, 0])], [0, 0, 1, 0, 0, 0, 0, 1, 1, 0, 0, 0]);
  for (const label of [-1, 1.5, 3, 4]) assert.throws(() => classRows(config, [label]), /Expected label to be an integer in \[0, 3\) but found/);
});

test("labelsInRows() gives each label a row, and at least as many images as asked", () => {
  assert.deepEqual(labelsInRows([2, 0], 3), { labels: [2, 2, 0, 0], columns: 2 });
  assert.deepEqual(labelsInRows([2, 0], 1), { labels: [2, 0], columns: 1 });
});

test("droppedLabels() leaves out as many as asked, the same for the same step", () => {
  const labels = Array.from({ length: 10_000 }, (_, i) => i % 3);
  const places = labels.map((_, i) => i);
  const often = { ...config, "train.batch": 10_000, "train.classDropout": 0.25 };
  const dropped = droppedLabels(often, labels, 5, places);
  assert.deepEqual(droppedLabels(often, labels, 5, places), dropped);
  assert.deepEqual(droppedLabels(often, labels.slice(40, 90), 5, places.slice(40, 90)), dropped.slice(40, 90));
  assert.notDeepEqual(droppedLabels(often, labels, 6, places), dropped);
  const share = dropped.filter((label) => label === undefined).length / labels.length;
  assert.ok(Math.abs(share - 0.25) < 0.02, `${share}`);
  assert.ok(dropped.every((label, i) => label === undefined || label === labels[i]));
  assert.deepEqual(droppedLabels({ ...often, "train.classDropout": 0 }, labels, 5, places), labels);
});

test("guide() goes from the prediction without a class through the one with it and beyond", () => {
  const at = (scale: number) => [...evaluate([guide(array([1, 5], 2), array([2, 3], 2), array([scale]))])[0]!];
  assert.deepEqual(
    [at(0), at(1), at(3)],
    [
      [2, 3],
      [1, 5],
      [-1, 9],
    ],
  );
});

const parameters = trainingStep(config).scope.initialValues(3);

async function drawn(options: Draw, guided = false): Promise<Numbers> {
  await using sampler = await compileSampler(reference(), config, parameters, { sampler: "ddim", batch: 2, guided });
  return await samplesOf(sampler, { seed: 1, ...options });
}

const close = (a: Numbers, b: Numbers): boolean => a.every((x, i) => Math.abs(x - b[i]!) < 1e-12);

test("an image is drawn of its own class, whatever the others are of", async () => {
  const [mixed, same, none] = [await drawn({ labels: [0, 2] }), await drawn({ labels: [0, 0] }), await drawn({})];
  assert.ok(close(mixed.subarray(0, 16), same.subarray(0, 16)));
  assert.ok(!close(mixed.subarray(16), same.subarray(16)));
  assert.ok(!close(none.subarray(0, 16), same.subarray(0, 16)));
});

test("guidance 0 draws without the class, 1 as the plain model, and more goes further", async () => {
  const labels = [1, 2];
  assert.ok(close(await drawn({ labels, guidance: 0 }, true), await drawn({})));
  assert.ok(close(await drawn({ labels, guidance: 1 }, true), await drawn({ labels })));
  assert.ok(!close(await drawn({ labels, guidance: 3 }, true), await drawn({ labels })));
});

test("guidance changes the prediction and leaves the learned variance that of the class", async () => {
  const own = configure(config, { "diffusion.variance": "learned" });
  const parameters = trainingStep(own).scope.initialValues(3);
  const [x, z] = [startNoise(1, 2, 16), normals(stream(1, "steps", 0), 32)];
  const output = model(new Scope(), input("x", [2, 4, 4, 1]), input("t", [1], "int32"), own); // of each pixel eps and spread
  const told = (labels: readonly (number | undefined)[]): Float64Array =>
    evaluate([output], new Map<string, Numbers>([...parameters, ["x", x], ["t", Int32Array.of(2)], ["classes", classRows(own, labels)]]))[0]!;
  const [withClass, without] = [told([1, 2]), told([undefined, undefined])];

  await using sampler = await compileSampler(reference(), own, parameters, { sampler: "ddpm", clip: false, batch: 2, guided: true });
  const { value: first } = await sampler.draw({ seed: 1, labels: [1, 2], guidance: 3 }).next();
  const [beta, alphaBar, posteriorVariance] = (["betas", "alphasCumprod", "posteriorVariance"] as const).map((name) => scheduleFor(own)[name][2]!);
  for (const [i, found] of (await first!.x()).entries()) {
    const eps = without[2 * i]! + 3 * (withClass[2 * i]! - without[2 * i]!);
    const share = (withClass[2 * i + 1]! + 1) / 2; // Nichol and Dhariwal 2021, eq. 15
    const sigma = Math.sqrt(beta! ** share * posteriorVariance! ** (1 - share));
    const expected = (x[i]! - (beta! / Math.sqrt(1 - alphaBar!)) * eps) / Math.sqrt(1 - beta!) + sigma * z[i]!;
    assert.ok(Math.abs(found - expected) < 1e-9, `pixel ${i}: ${found} for ${expected}`);
  }
});

test("classes and guidance are refused where they mean nothing", async () => {
  await assert.rejects(
    drawn({ labels: [0], guidance: 2 }),
    /Expected guidance 1 of a sampler compiled without `guided` but found 2; compile it with that/,
  );
  const plain = configure({ ...config, "model.classes": [] });
  await assert.rejects(
    compileSampler(reference(), plain, parameters, { batch: 1, guided: true }),
    /Expected a model with classes to guide but found one without; leave guidance out/,
  );
  await using sampler = await compileSampler(reference(), plain, parameters, { batch: 1 });
  await assert.rejects(samplesOf(sampler, { labels: [1] }), /Expected no class for a model without classes but found 1; leave it out/);
  await assert.rejects(samplesOf(sampler, { labels: [1, 1] }), /Cannot give 2 labels to 1 images/);
  await assert.rejects(samplesOf(sampler, { guidance: Number.NaN }), /Expected guidance to be a number but found NaN/);
});

test("training tells the model each image's class, and learns of those that it left out", async () => {
  const data = await batch(shapes({ height: 4, width: 4 }), { seed: 0, batch: 4, step: 1, flip: false });
  const step = async (part: object, labels: readonly number[]) => {
    const own = configure(config, part);
    const training = trainingStep(own);
    const program = await reference().compile(training.step, initialState(training, 0));
    await program.run(trainingFeeds(own, { ...data, labels }, 1));
    return training.scope.unpackValues((await program.read(["m"])).get("m")!).get("class_emb.weight")!;
  };
  const moved = (gradient: Numbers) => [0, 1, 2, 3].map((row) => gradient.subarray(row * 16, row * 16 + 16).some((x) => x !== 0));
  assert.deepEqual(moved(await step({ "train.classDropout": 0 }, [0, 2, 0, 2])), [true, false, true, false]);
  assert.deepEqual(moved(await step({ "train.classDropout": 1 }, [0, 2, 0, 2])), [false, false, false, true]);
  assert.throws(
    () => trainingFeeds(config, { images: data.images, weights: data.weights, count: 4 }, 1),
    /Expected labels for the 3 classes of the model but found images without; give each its label/,
  );
});
