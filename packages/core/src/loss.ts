/** How far the predicted noise is from the noise. */
import { composite, size, type Tensor } from "./tensor.ts";

export const lossNames = ["l1", "l2", "huber"] as const;
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
  if (!Object.hasOwn(losses, name)) throw new TypeError(`Expected a loss among ${lossNames.join(", ")} but found ${name}`);
  return losses[name](difference);
}

/**
 * Algorithm 1, line 5: the loss of a batch as a scalar. Without weights the mean over all elements; with `weights` [B, 1, 1, 1] the sum of
 * weights · loss, so that a partial batch can be padded to the compiled size: see `lossWeights`. Throws a TypeError for an unknown name.
 */
export function pLosses(name: LossName, noise: Tensor, prediction: Tensor, weights?: Tensor): Tensor {
  if (weights) return batchLoss(name, noise, prediction, weights).loss;
  const loss = elementLoss(name, prediction.sub(noise));
  return loss.mean(...loss.shape.keys()).reshape();
}

/** As `pLosses` with weights, and beside it `losses` [B]: the mean over the elements of each image, not weighted. */
export function batchLoss(name: LossName, noise: Tensor, prediction: Tensor, weights: Tensor): { loss: Tensor; losses: Tensor } {
  const [batch, ...image] = noise.shape as [number, ...number[]];
  const sums = elementLoss(name, prediction.sub(noise)).sum(...image.map((_, i) => i + 1)); // [B, 1, 1, 1]
  return { loss: sums.mul(weights).sum(0).reshape(), losses: sums.mul(1 / size(image)).reshape(batch) };
}

/**
 * Weights [batch] which make `pLosses` the mean over the first `count` images of `elements` numbers each; the rest is padding and weighs nothing.
 * They add up to 1 / elements. In a batch that several workers share, `count` is the images of all. Throws a RangeError unless 1 ≤ count.
 */
export function lossWeights(batch: number, count: number, elements: number): Float32Array {
  if (!Number.isInteger(count) || count < 1) throw new RangeError(`Expected at least one image in the batch but found ${count}`);
  return new Float32Array(batch).fill(1 / (count * elements), 0, count);
}
