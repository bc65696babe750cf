/**
 * Class conditioning: a model is told a class for each image as a row of K + 1 numbers that is 1 at the class and 0 elsewhere; the last place
 * stands for no class, so that one model learns to draw both with and without one (Ho and Salimans 2022).
 */
import type { Numbers, State } from "./backend.ts";
import type { Config } from "./config.ts";
import { stream, uniforms } from "./random.ts";
import type { Tensor } from "./tensor.ts";

/** Length of the rows: classes and one place for none; 0 for a model without classes. */
export const classWidth = ({ "model.classes": classes }: Pick<Config, "model.classes">): number => (classes.length > 0 ? classes.length + 1 : 0);

/**
 * Whether a model was trained without a class, too, so that it can draw without one and be guided: diffusers' embeddings have no place for none, which is
 * all zeros in a model from there. Of a model without classes true.
 */
export function knowsNone(config: Pick<Config, "model.classes">, parameters: State): boolean {
  const width = classWidth(config);
  const table = width > 0 ? parameters.get("class_embedding.weight") : undefined; // [dim, K + 1]
  return !table || table.some((x, i) => i % width === width - 1 && x !== 0);
}

/** Rows [labels, K + 1] of labels, where undefined is no class. Throws a RangeError for a label that the model does not have. */
export function classRows(config: Config, labels: readonly (number | undefined)[]): Float32Array {
  const width = classWidth(config);
  const rows = new Float32Array(labels.length * width);
  for (const [i, label] of labels.entries()) {
    if (label !== undefined && !(Number.isInteger(label) && label >= 0 && label < width - 1))
      throw new RangeError(`Expected label to be an integer in [0, ${width - 1}) but found ${label}`);
    rows[i * width + (label ?? width - 1)] = 1;
  }
  return rows;
}

/**
 * What a program with a model is fed for `batch` images, which are of no class beyond the labels; nothing for a model without classes.
 * Throws a TypeError where one asks such a model for a class, a RangeError for more labels than images and as `classRows` does.
 */
export function classFeeds(config: Config, labels: readonly (number | undefined)[], batch: number): Record<string, Numbers> {
  if (labels.length > batch) throw new RangeError(`Cannot give ${labels.length} labels to ${batch} images`);
  const all = Array.from({ length: batch }, (_, i) => labels[i]);
  if (classWidth(config) > 0) return { classes: classRows(config, all) };
  const label = labels.find((label) => label !== undefined);
  if (label === undefined) return {};
  throw new TypeError(`Expected no class for a model without classes but found ${label}; leave it out, or choose another model`);
}

/** One class after the other for `count` images, or nothing for a model without classes. */
export const labelsInTurn = ({ "model.classes": classes }: Pick<Config, "model.classes">, count: number): number[] =>
  classes.length > 0 ? Array.from({ length: count }, (_, i) => i % classes.length) : [];

/** As many images of each of these labels, one row of a grid for each label, at least `count` in all. */
export function labelsInRows(labels: readonly number[], count: number): { readonly labels: number[]; readonly columns: number } {
  const columns = Math.ceil(count / labels.length);
  return { labels: labels.flatMap((label) => Array.from({ length: columns }, () => label)), columns };
}

/**
 * The labels of the images at `places` of training step n, each left out with probability `train.classDropout`: a function of the configuration, n and
 * the place alone.
 */
export function droppedLabels(config: Config, labels: readonly number[], n: number, places: ArrayLike<number>): (number | undefined)[] {
  const chances = uniforms(stream(config.seed, "classes", n), config["train.batch"]);
  return labels.map((label, i) => (chances[places[i]!]! < config["train.classDropout"] ? undefined : label));
}

/**
 * Classifier-free guidance (Ho and Salimans 2022, eq. 6 with scale w + 1): away from what the model predicts without a class, towards and beyond
 * what it predicts with one. Scale 0 ignores the class, 1 is the plain conditional model.
 */
export const guide = (withClass: Tensor, without: Tensor, scale: Tensor): Tensor => without.add(withClass.sub(without).mul(scale));
