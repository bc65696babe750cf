/** What a step of training minimises. */
import { boundFeeds, boundTerms, readoutFeeds } from "./bound.ts";
import { type Config, scheduleFor } from "./config.ts";
import { qSample } from "./diffusion.ts";
import { imageLosses } from "./loss.ts";
import { minSnrWeight, target } from "./objective.ts";
import { parts } from "./sampler.ts";
import { extract } from "./schedule.ts";
import { size } from "./shape.ts";
import { input, type Tensor } from "./tensor.ts";

/** The losses of a batch of images. */
export interface TrainingLosses {
  /** The loss of each image's prediction, summed over its elements: [B, 1, 1, 1]. */
  readonly simple: Tensor;
  /** What is minimised, which is that by min-SNR weights and, where the variance is learned, with the variational bound: [B, 1, 1, 1]. */
  readonly trained: Tensor;
}

/**
 * The losses of images [B, H, W, C] in [-1, 1], to which `noise` is added for a model that `predict` calls with x_t. Each image has its own t:
 * the graph is fed with `lossFeeds`.
 */
export function trainingLosses(config: Config, images: Tensor, noise: Tensor, predict: (xt: Tensor) => Tensor): TrainingLosses {
  const [batch, ...image] = images.shape as [number, ...number[]];
  const coefficient = (name: string): Tensor => input(name, [batch, 1, 1, 1]);
  const signal = { sqrtAlphasCumprod: coefficient("sqrtAlphasCumprod"), sqrtOneMinusAlphasCumprod: coefficient("sqrtOneMinusAlphasCumprod") };
  const xt = qSample(images, noise, signal);
  const { prediction, spread } = parts(predict(xt), images.shape.at(-1)!);
  const simple = imageLosses(config["train.loss"], target(config["diffusion.objective"], images, noise, signal), prediction);
  const weighted = config["train.minSnr"] > 0 ? simple.mul(coefficient("minSnr")) : simple;
  if (!spread) return { simple, trained: weighted };
  // eq. 16: of the T terms of the bound each step draws one
  const predicted = xt.mul(coefficient("a")).add(prediction.stop().mul(coefficient("b")));
  const bound = boundTerms({ x0: images, xt, predicted, spread });
  return { simple, trained: weighted.add(bound.mul(config["train.vlbWeight"] * config["diffusion.timesteps"] * size(image))) };
}

/** What `trainingLosses` is fed where the images have the timesteps `t`. */
export function lossFeeds(config: Config, t: Int32Array): Record<string, Float64Array> {
  const constants = scheduleFor(config);
  const { "diffusion.objective": objective, "train.minSnr": gamma } = config;
  return {
    sqrtAlphasCumprod: extract(constants.sqrtAlphasCumprod, t),
    sqrtOneMinusAlphasCumprod: extract(constants.sqrtOneMinusAlphasCumprod, t),
    ...(gamma > 0 && { minSnr: extract(constants.snr, t).map((snr) => minSnrWeight(objective, snr, gamma)) }),
    ...(config["diffusion.variance"] === "learned" && { ...boundFeeds(config, t), ...readoutFeeds(config, t) }),
  };
}
