/** Noise schedules: how much noise each step adds, and the constants of the paper (Ho et al. 2020) that follow. Computed once, in float64. */
import { oneOf } from "./names.ts";

/** All schedules: see `schedules` for what each is. */
export const scheduleNames = ["linear", "linear-scaled", "cosine", "cosine-capped", "quadratic", "sigmoid", "sigmoid-alpha-bar"] as const;
/** One of the schedules. */
export type ScheduleName = (typeof scheduleNames)[number];

/** Constants of every timestep t = 0 … T - 1 (the paper's 1 … T), in the paper's names; alphaBar is `alphasCumprod`. */
export interface Schedule {
  /** Variance that step t adds, eq. 2. */
  readonly betas: Float64Array;
  readonly alphas: Float64Array;
  readonly alphasCumprod: Float64Array;
  /** alphaBar of the step before; 1 before the first. */
  readonly alphasCumprodPrev: Float64Array;
  readonly sqrtBetas: Float64Array;
  readonly sqrtAlphas: Float64Array;
  readonly sqrtRecipAlphas: Float64Array;
  readonly sqrtAlphasCumprod: Float64Array;
  readonly sqrtOneMinusAlphasCumprod: Float64Array;
  readonly sqrtRecipAlphasCumprod: Float64Array;
  readonly sqrtRecipm1AlphasCumprod: Float64Array;
  /** Variance of q(x_{t-1} | x_t, x_0), eq. 7. */
  readonly posteriorVariance: Float64Array;
  /** Its logarithm, with the second value in place of log 0 at t = 0 (Nichol and Dhariwal 2021). */
  readonly posteriorLogVarianceClipped: Float64Array;
  /** Coefficient of x_0 in the posterior's mean, eq. 7. */
  readonly posteriorMeanCoef1: Float64Array;
  /** Coefficient of x_t in the posterior's mean, eq. 7. */
  readonly posteriorMeanCoef2: Float64Array;
  /** Signal to noise: alphaBar / (1 - alphaBar). */
  readonly snr: Float64Array;
}

/** What is done to a named schedule. */
export interface ScheduleOptions {
  /** Whether alphaBar is stretched so that nothing of the image is left at T: see `rescaled`. */
  readonly zeroTerminalSnr?: boolean;
}

/** The constants of a named schedule. Throws a TypeError for an unknown name, a RangeError for a number of timesteps that it cannot have. */
export const schedule = (name: ScheduleName, timesteps: number, { zeroTerminalSnr = false }: ScheduleOptions = {}): Schedule =>
  scheduleOf(zeroTerminalSnr ? rescaled(betas(name, timesteps)) : betas(name, timesteps));

/** The variances [T] of a named schedule. Throws as `schedule` does. */
export function betas(name: ScheduleName, timesteps: number): Float64Array {
  oneOf(scheduleNames, name, "schedule");
  if (!Number.isInteger(timesteps) || timesteps < 1) throw new RangeError(`Expected timesteps to be an integer of at least 1 but found ${timesteps}`);
  const values = schedules[name](timesteps);
  const t = values.findIndex((beta) => beta >= 1);
  if (t >= 0)
    throw new RangeError(
      `Expected betas below 1 but found ${values[t]} at t = ${t} of schedule ${name} with ${timesteps} timesteps; choose more timesteps or another schedule`,
    );
  return values;
}

/** Lin et al. 2023, algorithm 1: √alphaBar shifted and stretched so that its first value stays and its last is 0. Throws a RangeError for one timestep. */
export function rescaled(betas: Float64Array): Float64Array {
  if (betas.length < 2) throw new RangeError(`Expected at least 2 timesteps to rescale to zero terminal SNR but found ${betas.length}; choose more`);
  const roots = scheduleOf(betas).sqrtAlphasCumprod;
  const [first, last] = [roots[0]!, roots.at(-1)!];
  const alphaBar = roots.map((root) => (((root - last) * first) / (first - last)) ** 2);
  return alphaBar.map((value, t) => 1 - value / (alphaBar[t - 1] ?? 1));
}

/**
 * The constants that follow from variances [T]; where the last is 1, which leaves noise alone, those that are divided by √alphaBar are infinite there.
 * Throws a RangeError unless each is above 0 and below 1, or at most 1 the last.
 */
export function scheduleOf(variances: ArrayLike<number>): Schedule {
  const betas = Float64Array.from(variances);
  const bad = betas.findIndex((beta, t) => !(beta > 0 && (beta < 1 || (beta === 1 && t > 0 && t === betas.length - 1))));
  if (bad >= 0) throw new RangeError(`Expected betas to be above 0 and below 1 but found ${betas[bad]} at t = ${bad}`);
  const alphas = betas.map((beta) => 1 - beta);
  let product = 1;
  const alphasCumprod = alphas.map((alpha) => (product *= alpha));
  const alphasCumprodPrev = alphasCumprod.map((_, t) => alphasCumprod[t - 1] ?? 1);
  return {
    betas,
    alphas,
    alphasCumprod,
    alphasCumprodPrev,
    sqrtBetas: betas.map(Math.sqrt),
    sqrtAlphas: alphas.map(Math.sqrt),
    sqrtRecipAlphas: alphas.map((alpha) => Math.sqrt(1 / alpha)),
    sqrtAlphasCumprod: alphasCumprod.map(Math.sqrt),
    sqrtOneMinusAlphasCumprod: alphasCumprod.map((alphaBar) => Math.sqrt(1 - alphaBar)),
    sqrtRecipAlphasCumprod: alphasCumprod.map((alphaBar) => Math.sqrt(1 / alphaBar)),
    sqrtRecipm1AlphasCumprod: alphasCumprod.map((alphaBar) => Math.sqrt(1 / alphaBar - 1)),
    ...posterior(betas, alphas, alphasCumprod, alphasCumprodPrev),
    snr: alphasCumprod.map((alphaBar) => alphaBar / (1 - alphaBar)),
  };
}

/** The elements of `values` at the timesteps `t`, one for each. Throws a RangeError for a t outside. */
export function extract(values: ArrayLike<number>, t: ArrayLike<number>): Float64Array {
  return Float64Array.from(t, (i) => {
    const value = values[i];
    if (value === undefined) throw new RangeError(`Expected timestep to be an integer in [0, ${values.length}) but found ${i}`);
    return value;
  });
}

/** The constants of eq. 7. */
function posterior(betas: Float64Array, alphas: Float64Array, alphaBar: Float64Array, alphaBarPrev: Float64Array) {
  const posteriorVariance = betas.map((beta, t) => (beta * (1 - alphaBarPrev[t]!)) / (1 - alphaBar[t]!));
  return {
    posteriorVariance,
    posteriorLogVarianceClipped: posteriorVariance.map((variance, t) => Math.log(Math.max(t > 0 ? variance : (posteriorVariance[1] ?? 0), 1e-20))),
    posteriorMeanCoef1: betas.map((beta, t) => (beta * Math.sqrt(alphaBarPrev[t]!)) / (1 - alphaBar[t]!)),
    posteriorMeanCoef2: alphas.map((alpha, t) => ((1 - alphaBarPrev[t]!) * Math.sqrt(alpha)) / (1 - alphaBar[t]!)),
  };
}

const [first, last] = [1e-4, 0.02];

const schedules: { readonly [S in ScheduleName]: (timesteps: number) => Float64Array } = {
  /** Ho et al. 2020, section 4. */
  linear: (timesteps) => linspace(first, last, timesteps),
  /** Keeps the noise of 1000 steps in all, whatever their number. */
  "linear-scaled": (timesteps) => linspace((first * 1000) / timesteps, (last * 1000) / timesteps, timesteps),
  /** Nichol and Dhariwal 2021, eq. 17, clipped as the annotated diffusion model does. */
  cosine: (timesteps) => fromAlphaBar(squaredCosine, timesteps, 1e-4, 0.9999),
  /** The same as its authors clip it, which diffusers calls squaredcos_cap_v2. */
  "cosine-capped": (timesteps) => fromAlphaBar(squaredCosine, timesteps, 0, 0.999),
  /** Linear in the standard deviation. */
  quadratic: (timesteps) => linspace(Math.sqrt(first), Math.sqrt(last), timesteps).map((sigma) => sigma ** 2),
  sigmoid: (timesteps) => linspace(-6, 6, timesteps).map((x) => sigmoid(x) * (last - first) + first),
  /** Jabri et al. 2022 with start -3, end 3, tau 1: alphaBar is a sigmoid. */
  "sigmoid-alpha-bar": (timesteps) => fromAlphaBar((s) => (sigmoid(3) - sigmoid(6 * s - 3)) / (sigmoid(3) - sigmoid(-3)), timesteps, 0, 0.999),
};

const squaredCosine = (s: number): number => Math.cos((((s + 0.008) / 1.008) * Math.PI) / 2) ** 2;

/** Betas of alphaBar(s), where s goes from 0 to 1: 1 - alphaBar(t + 1) / alphaBar(t), clipped. */
function fromAlphaBar(alphaBar: (s: number) => number, timesteps: number, low: number, high: number): Float64Array {
  const values = linspace(0, 1, timesteps + 1).map(alphaBar);
  return Float64Array.from({ length: timesteps }, (_, t) => Math.min(Math.max(1 - values[t + 1]! / values[t]!, low), high));
}

/** `count` evenly spaced numbers; the first alone where `count` is 1. */
const linspace = (from: number, to: number, count: number): Float64Array =>
  Float64Array.from({ length: count }, (_, i) => (i === 0 ? from : i === count - 1 ? to : from + ((to - from) * i) / (count - 1)));

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
