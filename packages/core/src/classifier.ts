/** A small classifier of images, whose features tell the distributions of images apart where no network that is known to all has seen such images. */
import type { Backend, Numbers, Program, State } from "./backend.ts";
import { type Config, configure } from "./config.ts";
import type { Dataset } from "./dataset.ts";
import { batchLoss } from "./loss.ts";
import { imageShape } from "./model.ts";
import { conv, downsample, groupNorm, linear, silu } from "./nn.ts";
import { Scope } from "./scope.ts";
import { size } from "./shape.ts";
import { input, type Tensor } from "./tensor.ts";
import { type TrainingStep, trainingBatch } from "./training.ts";
import { averages, update, updateFeeds } from "./update.ts";

/** A classifier that learns Fashion-MNIST in a few minutes on a CPU. */
export const classifierDefaults: Config = configure({
  "model.dim": 16,
  "model.dimMults": [1, 2, 4],
  "model.groups": 4,
  "train.lr": 3e-3,
  "train.warmup": 100,
  "train.lrDecay": "cosine",
  "train.weightDecay": 0.05,
  "train.emaDecay": 0.99,
});

/** What a classifier says of images. */
export interface Classified<T> {
  /** [b, K], whose softmax are the probabilities of the classes. */
  readonly logits: T;
  /** [b, F], of which the logits are a linear function. */
  readonly features: T;
}

/** Numbers that tell an image: the width of the last level. */
export const featureCount = ({ "model.dim": dim, "model.dimMults": mults }: Config): number => dim * mults.at(-1)!;

/**
 * Two 3×3 convolutions with GroupNorm and SiLU at each level of `model.dimMults`, the mean over pixels, and a linear layer for the K `model.classes`.
 * Images are [b, h, w, c] in [-1, 1].
 */
export function classifier(p: Scope, images: Tensor, config: Config): Classified<Tensor> {
  const widths = config["model.dimMults"].map((m) => m * config["model.dim"]);
  const block = (p: Scope, x: Tensor, width: number): Tensor =>
    silu(groupNorm(p.at("norm"), conv(p.at("conv"), x, width, 3), config["model.groups"]));
  let h = images;
  for (const [i, width] of widths.entries()) {
    if (i > 0) h = downsample(p.at("levels", i, "down"), h, width);
    for (const j of [0, 1]) h = block(p.at("levels", i, j), h, width);
  }
  const features = h.mean(1, 2).reshape(h.shape[0]!, widths.at(-1)!);
  return { logits: linear(p.at("classes"), features, config["model.classes"].length), features };
}

/** -log p of each image's class [b] from logits [b, K] and the classes as rows with a single 1. */
export function crossEntropy(logits: Tensor, classes: Tensor): Tensor {
  const centred = logits.sub(logits.max(1).stop()); // so that nothing overflows
  return centred.exp().sum(1).log().sub(centred.mul(classes).sum(1)).reshape(logits.shape[0]!);
}

/** A step of the classifier's training, fed by `classifierFeeds`; outputs `loss`, the mean of the images' cross-entropies, and `gradientNorm`. */
export function classifierStep(config: Config): TrainingStep {
  const batch = config["train.batch"];
  const shape = imageShape(config, batch);
  const scope = new Scope();
  const { logits } = classifier(scope, input("images", shape), config);
  const losses = crossEntropy(logits, input("classes", [batch, config["model.classes"].length]));
  const weights = input("weights", [batch, 1, 1, 1]).mul(size(shape) / batch); // those of batches are for sums over elements
  const loss = batchLoss(losses.reshape(batch, 1, 1, 1), weights);
  const { outputs, updates } = update(scope, loss, config);
  return { step: { outputs: { loss, ...outputs }, updates }, scope, averages: [...averages(config).keys()] };
}

/** What step n = 1, 2, … of a classifier's training is fed. Throws a TypeError for data without classes. */
export async function classifierFeeds(config: Config, dataset: Dataset, n: number): Promise<Record<string, Numbers>> {
  const { images, weights, labels } = await trainingBatch(dataset, config, n);
  if (!labels) throw new TypeError(`Expected classes in ${dataset.name} to learn but found none; sub-folders of images are classes`);
  return { images, weights, classes: oneHot(labels, config["model.classes"].length), ...updateFeeds(config, n, 0) };
}

function oneHot(labels: readonly number[], count: number): Float32Array {
  const rows = new Float32Array(labels.length * count);
  for (const [i, label] of labels.entries()) rows[i * count + label] = 1;
  return rows;
}

/** The parameters of a configuration's classifier, with their shapes. */
export function classifierScope(config: Config): Scope {
  const scope = new Scope();
  classifier(scope, input("images", imageShape(config, 1)), config);
  return scope;
}

/** A compiled classifier for batches of one size. */
export interface Classifier extends AsyncDisposable {
  /** Of images [batch, h, w, c] in [-1, 1]; row by row. */
  classify(images: Numbers): Promise<Classified<Numbers>>;
}

/** Compiles a classifier with weights. */
export async function compileClassifier(backend: Backend, config: Config, parameters: State, batch: number): Promise<Classifier> {
  const { logits, features } = classifier(new Scope(), input("images", imageShape(config, batch)), config);
  const program: Program = await backend.compile({ outputs: { logits, features } }, parameters);
  return {
    classify: async (images) => {
      const { logits, features } = await program.run({ images });
      return { logits: logits!, features: features! };
    },
    [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
  };
}
