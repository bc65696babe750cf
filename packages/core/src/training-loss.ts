/** What a step of training minimises. */
import { type Config, scheduleFor } from "./config.ts";
import { posteriorMean, qSample } from "./diffusion.ts";
import { discretizedGaussianLogLikelihood, gaussianKl, learnedLogVariance } from "./likelihood.ts";
import { imageLosses } from "./loss.ts";
import { minSnrWeight, readout, target } from "./objective.ts";
import { parts } from "./sampler.ts";
import { extract } from "./schedule.ts";
import { input, size, type Tensor } from "./tensor.ts";

export interface TrainingLosses {
  /** [B, 1, 1, 1]: the loss of each image's prediction, summed over its elements. */
  readonly simple: Tensor;
  /** [B, 1, 1, 1]: what is minimised, which is that by min-SNR weights and, where the variance is learned, with the variational bound. */
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
  const bound = boundTerms({ x0: images, xt, prediction: prediction.stop(), spread }, coefficient);
  return { simple, trained: weighted.add(bound.mul(config["train.vlbWeight"] * config["diffusion.timesteps"] * size(image))) };
}

/**
 * Each image's term of the variational bound at its t, in bits a dimension, [B, 1, 1, 1]: the KL divergence of the step back from the posterior, or
 * at t = 0 minus the log-likelihood (Ho et al. 2020, eq. 5).
 */
function boundTerms(
  { x0, xt, prediction, spread }: Record<"x0" | "xt" | "prediction" | "spread", Tensor>,
  coefficient: (name: string) => Tensor,
): Tensor {
  const posterior = { posteriorMeanCoef1: coefficient("posteriorMeanCoef1"), posteriorMeanCoef2: coefficient("posteriorMeanCoef2") };
  const posteriorLogVarianceClipped = coefficient("posteriorLogVarianceClipped");
  const predicted = xt.mul(coefficient("a")).add(prediction.mul(coefficient("b")));
  const mean = posteriorMean(predicted, xt, posterior);
  const logVariance = learnedLogVariance(spread, { logBetas: coefficient("logBetas"), posteriorLogVarianceClipped });
  const kl = gaussianKl(posteriorMean(x0, xt, posterior).sub(mean), posteriorLogVarianceClipped, logVariance);
  const nll = discretizedGaussianLogLikelihood(x0, mean, logVariance.mul(0.5)).neg();
  const bits = kl.add(nll.sub(kl).mul(coefficient("first")));
  return bits.mean(1, 2, 3).mul(1 / Math.LN2);
}

/** What `trainingLosses` is fed where the images have the timesteps `t`. */
export function lossFeeds(config: Config, t: Int32Array): Record<string, Float64Array> {
  const constants = scheduleFor(config);
  const { "diffusion.objective": objective, "train.minSnr": gamma } = config;
  return {
    sqrtAlphasCumprod: extract(constants.sqrtAlphasCumprod, t),
    sqrtOneMinusAlphasCumprod: extract(constants.sqrtOneMinusAlphasCumprod, t),
    ...(gamma > 0 && { minSnr: extract(constants.snr, t).map((snr) => minSnrWeight(objective, snr, gamma)) }),
    ...(config["diffusion.variance"] === "learned" && boundFeeds(config, t)),
  };
}

function boundFeeds(config: Config, t: Int32Array): Record<string, Float64Array> {
  const constants = scheduleFor(config);
  const readouts = Array.from(extract(constants.alphasCumprod, t), (alphaBar) => readout(config["diffusion.objective"], alphaBar));
  return {
    posteriorMeanCoef1: extract(constants.posteriorMeanCoef1, t),
    posteriorMeanCoef2: extract(constants.posteriorMeanCoef2, t),
    posteriorLogVarianceClipped: extract(constants.posteriorLogVarianceClipped, t),
    logBetas: extract(constants.betas, t).map(Math.log),
    first: Float64Array.from(t, (t) => Number(t === 0)),
    a: Float64Array.from(readouts, ({ a }) => a),
    b: Float64Array.from(readouts, ({ b }) => b),
  };
}
