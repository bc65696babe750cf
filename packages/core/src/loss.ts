/** How far a prediction is from its target. */
import { oneOf } from "./names.ts";
import { size } from "./shape.ts";
import { composite, type Tensor } from "./tensor.ts";

/** All losses. */
export const lossNames = ["l1", "l2", "huber"] as const;
/** One of the losses. */
export type LossName = (typeof lossNames)[number];

const losses: { readonly [L in LossName]: (d: Tensor) => Tensor } = {
  l1: (d) => composite(d.abs(), [d], { name: "l1", gradient: (dy) => [dy.mul(d.sign())] }),
  l2: (d) => composite(d.mul(d), [d], { name: "l2", gradient: (dy) => [dy.mul(d.mul(2))] }),
  huber: (d) => {
    const clipped = d.clip(-1, 1);
    return composite(clipped.mul(d.sub(clipped.mul(0.5))), [d], { name: "huber", gradient: (dy) => [dy.mul(clipped)] });
  },
};

/** The loss of each element of a difference: |d|, d² or Huber's with delta 1. Throws a TypeError for another name. */
export function elementLoss(name: LossName, difference: Tensor): Tensor {
  return losses[oneOf(lossNames, name, "loss")](difference);
}

/** The loss of each image, summed over its elements: [B, 1, 1, 1] of [B, H, W, C]. Throws a TypeError for an unknown name. */
export const imageLosses = (name: LossName, target: Tensor, prediction: Tensor): Tensor => elementLoss(name, prediction.sub(target)).sum(1, 2, 3);

/** The loss of a batch as a scalar from those of its images and their weights, both [B, 1, 1, 1]: see `lossWeights`. */
export const batchLoss = (losses: Tensor, weights: Tensor): Tensor => losses.mul(weights).sum(0).reshape();

/**
 * Algorithm 1, line 5: the loss of a batch as a scalar. Without weights the mean over all elements; with `weights` [B, 1, 1, 1] the sum of
 * weights · loss, so that a partial batch can be padded to the compiled size: see `lossWeights`. Throws a TypeError for an unknown name.
 */
export function pLosses(name: LossName, target: Tensor, prediction: Tensor, weights?: Tensor): Tensor {
  const losses = imageLosses(name, target, prediction);
  return weights
    ? batchLoss(losses, weights)
    : losses
        .sum(0)
        .mul(1 / size(prediction.shape))
        .reshape();
}

/**
 * Weights [batch] which make `pLosses` the mean over the first `count` images of `elements` numbers each; the rest is padding and weighs nothing.
 * They add up to 1 / elements. In a batch that several workers share, `count` is the images of all. Throws a RangeError unless 1 ≤ count.
 */
export function lossWeights(batch: number, count: number, elements: number): Float32Array {
  if (!Number.isInteger(count) || count < 1) throw new RangeError(`Cannot weigh the losses of ${count} images`);
  return new Float32Array(batch).fill(1 / (count * elements), 0, count);
}
