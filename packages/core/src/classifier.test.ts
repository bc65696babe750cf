import assert from "node:assert/strict";
import { test } from "node:test";
import { classifierDefaults, classifierFeeds, classifierStep, compileClassifier, crossEntropy, featureCount } from "./classifier.ts";
import { configure } from "./config.ts";
import { reference } from "./reference.ts";
import { shapes } from "./shapes.ts";
import { array } from "./tensor.ts";
import { averagedWeights, initialState } from "./training.ts";

const dataset = shapes({ height: 8, width: 8, count: 40 });
const config = configure(classifierDefaults, {
  "model.dim": 4,
  "model.dimMults": [1, 2],
  "model.classes": [...dataset.classes!],
  "data.height": 8,
  "data.width": 8,
  "train.batch": 16,
  "train.warmup": 0,
  "train.lrDecay": "none",
  "train.emaDecay": 0.5,
});

test("crossEntropy() is -log softmax of the class, also for logits that would overflow", async () => {
  const logits = array([0, Math.log(3), 1000, 0], 2, 2);
  await using program = await reference().compile({ outputs: { losses: crossEntropy(logits, array([1, 0, 0, 1], 2, 2)) } }, new Map());
  const { losses } = await program.run({});
  assert.deepEqual(
    Array.from(losses!, (x) => Math.round(x * 1e6) / 1e6),
    [Math.round(Math.log(4) * 1e6) / 1e6, 1000],
  );
});

test("a classifier learns: its loss begins near log K and falls", async () => {
  const training = classifierStep(config);
  await using program = await reference().compile(training.step, initialState(training, 0));
  const losses: number[] = [];
  for (let n = 1; n <= 30; n++) losses.push((await program.run(await classifierFeeds(config, dataset, n))).loss![0]!);
  assert.ok(Math.abs(losses[0]! - Math.log(5)) < 0.3, `begins at ${losses[0]}`);
  assert.ok(Math.min(...losses.slice(-3)) < 0.8 * losses[0]!, `ends at ${losses.slice(-3)}`);
  const weights = await averagedWeights(program, training.scope);
  await using classifier = await compileClassifier(reference(), config, weights, 2);
  const { features, logits } = await classifier.classify(new Float32Array(2 * 64));
  assert.equal(features.length, 2 * featureCount(config));
  assert.equal(logits.length, 2 * 5);
});

test("a last batch that is padded weighs its images alone", async () => {
  const training = classifierStep(config);
  await using program = await reference().compile(training.step, initialState(training, 0));
  const feeds = await classifierFeeds(config, dataset, 3); // 40 images: the third batch has 8
  const first = (await program.run(feeds)).loss![0]!;
  assert.ok(Math.abs(first - Math.log(5)) < 0.5, `${first}`);
});

test("classifierFeeds() refuses data without classes", async () => {
  const { classes: _, label: __, ...unlabelled } = dataset;
  await assert.rejects(
    classifierFeeds(config, unlabelled, 1),
    /Expected classes in shapes to learn but found none; sub-folders of images are classes/,
  );
});
