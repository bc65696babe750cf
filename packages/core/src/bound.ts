/** The variational bound on the negative log-likelihood, in bits a dimension (Ho et al. 2020, eq. 5; Nichol and Dhariwal 2021, section 2). */
import type { Backend, Numbers, State, Step } from "./backend.ts";
import { classFeeds } from "./classes.ts";
import { type Config, scheduleFor } from "./config.ts";
import { posteriorMean, qSample } from "./diffusion.ts";
import { discretizedGaussianLogLikelihood, gaussianKl, learnedLogVariance } from "./likelihood.ts";
import { gaussian, imageShape, model } from "./model.ts";
import { readout } from "./objective.ts";
import { philox, stream } from "./random.ts";
import { parts } from "./sampler.ts";
import { extract, type Schedule } from "./schedule.ts";
import { Scope } from "./scope.ts";
import { size } from "./shape.ts";
import { input, type Tensor } from "./tensor.ts";

/** Images [B, H, W, C] in [-1, 1], what they are noised to, and what a model makes of that: the image, and how far its variance is from the posterior's to beta. */
interface StepBack {
  readonly x0: Tensor;
  readonly xt: Tensor;
  readonly predicted: Tensor;
  readonly spread?: Tensor | undefined;
}

/**
 * Each image's term of the bound at its t, in bits a dimension, [B, 1, 1, 1]: the KL divergence of the step back from the posterior, or at t = 0 minus
 * the log-likelihood (Ho et al. 2020, eq. 5). The graph is fed with `boundFeeds`.
 */
export function boundTerms({ x0, xt, predicted, spread }: StepBack): Tensor {
  const coefficient = (name: keyof ReturnType<typeof boundFeeds>): Tensor => input(name, [x0.shape[0]!, 1, 1, 1]);
  const posterior = { posteriorMeanCoef1: coefficient("posteriorMeanCoef1"), posteriorMeanCoef2: coefficient("posteriorMeanCoef2") };
  const posteriorLogVarianceClipped = coefficient("posteriorLogVarianceClipped");
  const mean = posteriorMean(predicted, xt, posterior);
  const logVariance = spread
    ? learnedLogVariance(spread, { logBetas: coefficient("logBetas"), posteriorLogVarianceClipped })
    : coefficient("logVariance").add(x0.mul(0));
  const kl = gaussianKl(posteriorMean(x0, xt, posterior).sub(mean), posteriorLogVarianceClipped, logVariance);
  const nll = discretizedGaussianLogLikelihood(x0, mean, logVariance.mul(0.5)).neg();
  const nats = kl.add(nll.sub(kl).mul(coefficient("first")));
  return nats.mean(1, 2, 3).mul(1 / Math.LN2);
}

/** What `boundTerms` is fed where the images have the timesteps `t`. */
export function boundFeeds(config: Config, t: Int32Array) {
  const constants = scheduleFor(config);
  return {
    posteriorMeanCoef1: extract(constants.posteriorMeanCoef1, t),
    posteriorMeanCoef2: extract(constants.posteriorMeanCoef2, t),
    posteriorLogVarianceClipped: extract(constants.posteriorLogVarianceClipped, t),
    logBetas: extract(constants.betas, t).map(Math.log),
    logVariance: extract(fixedLogVariance(config, constants), t),
    first: Float64Array.from(t, (t) => Number(t === 0)),
  };
}

/** The log variance of a step back that is not learned; beta's first is the posterior's, since the decoder's would be needlessly narrow. */
function fixedLogVariance(config: Config, { betas, posteriorLogVarianceClipped }: Schedule): Float64Array {
  if (config["diffusion.variance"] !== "beta") return posteriorLogVarianceClipped;
  return betas.map((beta, t) => (t === 0 ? posteriorLogVarianceClipped[0]! : Math.log(beta)));
}

/** How a prediction tells x0 at the timesteps `t`: x0 = a·x_t + b·prediction, each [B]. */
export function readoutFeeds(config: Config, t: Int32Array): { a: Float64Array; b: Float64Array } {
  const readouts = Array.from(extract(scheduleFor(config).alphasCumprod, t), (alphaBar) => readout(config["diffusion.objective"], alphaBar));
  return { a: Float64Array.from(readouts, ({ a }) => a), b: Float64Array.from(readouts, ({ b }) => b) };
}

/** How a bound is worked out. */
export interface BoundOptions {
  /** Images of a run. */
  readonly batch: number;
  /** Whether a predicted x0 is cut to [-1, 1], as the papers' likelihoods are worked out. */
  readonly clip?: boolean;
}

/** `boundTerms` of a model as a graph with the output `bits` [B], fed with images, t, noise, `boundFeeds`, `readoutFeeds`, those of `qSample`, and classes. */
export function boundStep(config: Config, { batch, clip = true }: BoundOptions): Step {
  const shape = imageShape(config, batch);
  const [x0, noise] = [input("images", shape), gaussian("noise", shape)];
  const coefficient = (name: string): Tensor => input(name, [batch, 1, 1, 1]);
  const xt = qSample(x0, noise, {
    sqrtAlphasCumprod: coefficient("sqrtAlphasCumprod"),
    sqrtOneMinusAlphasCumprod: coefficient("sqrtOneMinusAlphasCumprod"),
  });
  const { prediction, spread } = parts(model(new Scope(), xt, input("t", [batch], "int32"), config), config["model.channels"]);
  const x0OfModel = xt.mul(coefficient("a")).add(prediction.mul(coefficient("b")));
  const predicted = clip ? x0OfModel.clip(-1, 1) : x0OfModel;
  return { outputs: { bits: boundTerms({ x0, xt, predicted, spread }).reshape(batch) } };
}

/** A part of the timesteps, of which each image has one drawn. */
export interface Stratum {
  readonly first: number;
  readonly length: number;
}

/**
 * So many parts of T timesteps: t = 0 alone, for its term is of another kind, then parts whose edges grow with the square, since the terms fall steeply
 * with t. Throws a RangeError for less than one or more than T.
 */
export function strata(T: number, count: number): Stratum[] {
  if (!(Number.isInteger(count) && count >= 1 && count <= T))
    throw new RangeError(`Expected timesteps of the bound to be an integer in [1, ${T}] but found ${count}`);
  if (count === 1) return [{ first: 0, length: T }];
  const parts: Stratum[] = [{ first: 0, length: 1 }];
  for (let i = 1, first = 1; i < count; i++) {
    const next = Math.max(first + 1, 1 + Math.round((T - 1) * (i / (count - 1)) ** 2));
    parts.push({ first, length: next - first });
    first = next;
  }
  return parts;
}

/** Images of a run, of which the first is number `first` of all that are looked at. */
export interface BoundBatch {
  readonly images: Numbers;
  readonly first: number;
  readonly labels?: readonly (number | undefined)[];
}

/** A compiled bound of one model. */
export interface Bound extends AsyncDisposable {
  /** A term of each image [B], in bits a dimension, at a t in the stratum; t and noise are functions of the seed, the stratum's first t and the image's number. */
  terms(batch: BoundBatch, stratum: Stratum, seed?: number): Promise<Numbers>;
}

/** Compiles `boundStep` with weights. Throws a RangeError where the schedule ends in noise alone, of which eps tells no image. */
export async function compileBound(backend: Backend, config: Config, parameters: State, options: BoundOptions): Promise<Bound> {
  const { batch } = options;
  const { sqrtAlphasCumprod, sqrtOneMinusAlphasCumprod } = scheduleFor(config);
  readoutFeeds(config, Int32Array.of(sqrtAlphasCumprod.length - 1));
  const blocks = Math.ceil(size(imageShape(config, 1)) / 4);
  const program = await backend.compile(boundStep(config, options), parameters);
  return {
    terms: async ({ images, first, labels = [] }, stratum, seed = 0) => {
      const t = drawn(stratum, seed, first, batch);
      const { bits } = await program.run({
        images,
        t,
        noise: stream(seed, "bound", stratum.first, first * blocks),
        sqrtAlphasCumprod: extract(sqrtAlphasCumprod, t),
        sqrtOneMinusAlphasCumprod: extract(sqrtOneMinusAlphasCumprod, t),
        ...boundFeeds(config, t),
        ...readoutFeeds(config, t),
        ...classFeeds(config, labels, batch),
      });
      return bits!;
    },
    [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
  };
}

/** A timestep of the stratum for each image. */
function drawn({ first: start, length }: Stratum, seed: number, first: number, count: number): Int32Array {
  const words = philox(stream(seed, "boundTimesteps", start, first), 4 * count); // a block of four for each image
  return Int32Array.from({ length: count }, (_, i) => start + Math.floor((words[4 * i]! / 2 ** 32) * length));
}

/** The first term of the bound, of each image [n] in bits a dimension: how far what is left of it at T is from noise. Nothing learns it. */
export function priorBits(config: Config, images: Numbers): Float64Array {
  const elements = size(imageShape(config, 1));
  const alphaBar = scheduleFor(config).alphasCumprod.at(-1)!;
  return Float64Array.from({ length: images.length / elements }, (_, i) => {
    let squares = 0;
    for (const x of images.subarray(i * elements, (i + 1) * elements)) squares += x * x;
    return (alphaBar * (squares / elements - 1) - Math.log1p(-alphaBar)) / (2 * Math.LN2);
  });
}
