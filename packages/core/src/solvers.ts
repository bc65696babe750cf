/** Each sampler's table: what a step does is a row of numbers from float64 arithmetic on the host. */
import { oneOf } from "./names.ts";
import { type Objective, type Readout, readout } from "./objective.ts";
import { type Level, type LevelStep, sigmaOf, stepsOf } from "./spacing.ts";

/** Coefficients of one step: `x0 = clip(a·x + b·prediction)`, `eps = c·x + d·prediction`, `x′ = A·x + B·x0 + C·x0Previous + D·eps + E·exp(F·spread)·z`. */
export interface Row extends Readout {
  /** The timestep that the model sees. */
  readonly t: number;
  readonly A: number;
  readonly B: number;
  readonly C: number;
  readonly D: number;
  readonly E: number;
  /** Of what a model says of the variance, where it learns that. */
  readonly F: number;
  /** alphaBar of the level that x is at, and of that of x′, 1 for an image; the graph needs neither. */
  readonly alphaBar: number;
  readonly alphaBarNext: number;
}

/** All variances of a step back that ancestral sampling knows. */
export const varianceNames = ["posterior", "beta", "learned"] as const;
/** One of the variances. */
export type Variance = (typeof varianceNames)[number];

/** √variance of a step back as `E·exp(F·spread)`, from log beta and log of the posterior's variance. */
const deviations: { readonly [V in Variance]: (logBeta: number, logPosterior: number) => Pick<Row, "E" | "F"> } = {
  posterior: (_, logPosterior) => ({ E: Math.exp(logPosterior / 2), F: 0 }),
  beta: (logBeta) => ({ E: Math.exp(logBeta / 2), F: 0 }),
  /** Between the two, by a spread in [-1, 1] (Nichol and Dhariwal 2021, eq. 15). */
  learned: (logBeta, logPosterior) => ({ E: Math.exp((logBeta + logPosterior) / 4), F: (logBeta - logPosterior) / 4 }),
};

/** How a sampler steps from level to level. */
export interface SolverOptions {
  /** Whether x0 is clipped to [-1, 1] at each step. */
  readonly clip?: boolean | undefined;
  /** Whether DDIM's eps follows from x0 as it is clipped, which is Euler's method, or stays the raw prediction, as in diffusers. */
  readonly rederive?: boolean | undefined;
  /** DDIM's noise: 0 is deterministic, 1 has DDPM's variance. */
  readonly eta?: number | undefined;
  /** DDPM's noise: the posterior's variance (eq. 7) or beta, the two choices of section 3.2, or what the model says between them. */
  readonly variance?: Variance | undefined;
  readonly objective?: Objective | undefined;
  /** Model calls. */
  readonly steps?: number | undefined;
}

/** The table of a sampler over levels of falling noise. */
export type Solver = (levels: readonly Level[], options?: SolverOptions) => Row[];

/**
 * Ancestral sampling, algorithm 2 of Ho et al. 2020, on any levels: the posterior's mean (eq. 7) of x0; where that is not clipped and follows from eps,
 * eq. 11, in which x0 cancels and nothing is divided by √alphaBar. No noise at the last step.
 */
export const ddpm: Solver = (levels, { variance = "posterior", clip = true, objective = "eps" } = {}) => {
  oneOf(varianceNames, variance, "variance");
  return stepsOf(levels).map((step, i) => {
    const { alphaBar, alphaBarNext } = step;
    const alpha = alphaBar / alphaBarNext;
    const beta = 1 - alpha;
    const posteriorVariance = (beta * (1 - alphaBarNext)) / (1 - alphaBar);
    const mean = needsX0(clip, objective)
      ? { A: ((1 - alphaBarNext) * Math.sqrt(alpha)) / (1 - alphaBar), B: (beta * Math.sqrt(alphaBarNext)) / (1 - alphaBar) }
      : { A: 1 / Math.sqrt(alpha), D: -beta / Math.sqrt(alpha * (1 - alphaBar)) };
    const last = i === levels.length - 1;
    return row(step, objective, { ...mean, ...(!last && deviations[variance](Math.log(beta), Math.log(posteriorVariance))) });
  });
};

/**
 * Song et al. 2021, eq. 12 and 16. Where x0 is clipped eps follows from it, unless one does not want to `rederive` it: with guidance, or many steps, a raw
 * prediction that contradicts the clipped x0 leads astray. Where x0 is not clipped and follows from eps it is written out in x and eps.
 * Throws a RangeError unless `eta` is in [0, 1].
 */
export const ddim: Solver = (levels, { eta = 0, clip = true, rederive = true, objective = "eps" } = {}) => {
  if (!(eta >= 0 && eta <= 1)) throw new RangeError(`Expected eta to be in [0, 1] but found ${eta}`);
  return stepsOf(levels).map((step) => {
    const { alphaBar, alphaBarNext } = step;
    const sigma = eta * Math.sqrt(((1 - alphaBarNext) / (1 - alphaBar)) * (1 - alphaBar / alphaBarNext));
    const direction = Math.sqrt(Math.max(0, 1 - alphaBarNext - sigma ** 2));
    const scale = Math.sqrt(alphaBarNext / alphaBar);
    const turn = direction / Math.sqrt(1 - alphaBar); // eps = (x - √alphaBar·x0)/√(1 - alphaBar)
    const mean = !needsX0(clip, objective)
      ? { A: scale, D: direction - scale * Math.sqrt(1 - alphaBar) }
      : rederive
        ? { A: turn, B: Math.sqrt(alphaBarNext) - turn * Math.sqrt(alphaBar) }
        : { B: Math.sqrt(alphaBarNext), D: direction };
    return row(step, objective, { ...mean, E: sigma });
  });
};

/** DPM-Solver++(2M), algorithm 2 of Lu et al. 2022; the first and the last step are of first order, and the last gives x0 itself. */
export const dpmSolverPlusPlus: Solver = (levels, { objective = "eps" } = {}) =>
  stepsOf(levels).map((step, i) => {
    const { alphaBar, alphaBarNext } = step;
    if (i === levels.length - 1) return row(step, objective, { B: 1 });
    const h = logSnr(alphaBarNext) - logSnr(alphaBar);
    const gain = -Math.sqrt(alphaBarNext) * Math.expm1(-h);
    const previous = levels[i - 1];
    const half = previous ? h / (2 * (logSnr(alphaBar) - logSnr(previous.alphaBar))) : 0;
    return row(step, objective, { A: Math.sqrt((1 - alphaBarNext) / (1 - alphaBar)), B: gain * (1 + half), C: -gain * half });
  });

/** Euler's method for the ODE dx/dsigma = (x - x0) / sigma (Karras et al. 2022, algorithm 1 without its correction), in x that keeps unit variance. */
export const euler: Solver = (levels, { objective = "eps" } = {}) => stepsOf(levels).map((step) => row(step, objective, towards(step)));

/**
 * Heun's method for the same ODE (Karras et al. 2022, algorithm 1): two rows a step, of which the second, at the level that Euler's step has reached,
 * corrects that by half of how much the slope has changed. Euler's alone are the last step, those from more noise than `mostSigma`, and the first
 * ones where `steps`, the model calls, do not suffice for a correction of each.
 */
export const heun: Solver = (levels, { objective = "eps", steps = heunCalls(levels) } = {}) => {
  let spare = heunCalls(levels) - steps;
  return stepsOf(levels).flatMap((step, i) => {
    const predictor = row(step, objective, towards(step));
    if (!correctable(step) || spare-- > 0) return [predictor];
    const reached = { ...levels[i + 1]!, alphaBarNext: step.alphaBarNext };
    return [predictor, row(reached, objective, correction(step))];
  });
};

/** The most model calls of Heun's method over these levels. */
export const heunCalls = (levels: readonly Level[]): number => levels.length + stepsOf(levels).filter(correctable).length;

/** Above, x is noise to any model, and so is the change of a slope, which a step down from there would multiply. */
const mostSigma = 80;

const correctable = ({ alphaBar, alphaBarNext }: LevelStep): boolean => sigmaOf(alphaBar) <= mostSigma && alphaBarNext < 1;

/** x moves on the line from x to x0 as far as the noise shrinks. */
const towards = ({ alphaBar, alphaBarNext }: LevelStep): Mean => {
  const A = Math.sqrt((1 - alphaBarNext) / (1 - alphaBar));
  return { A, B: Math.sqrt(alphaBarNext) - A * Math.sqrt(alphaBar) };
};

/** After Euler's step (x - x0Previous) / sigma is still the slope at its beginning, and (x - x0) / sigma that at its end. */
const correction = ({ alphaBar, alphaBarNext }: LevelStep): Mean => {
  const half = (Math.sqrt(alphaBarNext) * (sigmaOf(alphaBar) / sigmaOf(alphaBarNext) - 1)) / 2;
  return { A: 1, B: half, C: -half };
};

/**
 * DDIM backwards, from an image to the noise that DDIM leads back to it (Song et al. 2021, section 4.3), over the levels that DDIM visits, from the last
 * to the first. A step is two rows: Euler's, with eps as it is before the step, of which the model is told `first`, the level of t = 0, for the image;
 * then the same step again with eps as it is after it, which is nearly what DDIM will see.
 */
export const ddimInversion = (levels: readonly Level[], first: Level, { objective = "eps" }: SolverOptions = {}): Row[] =>
  levels.toReversed().flatMap((next, i, rising) => {
    const from = rising[i - 1];
    const alphaBarNext = next.alphaBar;
    const [signal, noise] = [Math.sqrt(alphaBarNext), Math.sqrt(1 - alphaBarNext)];
    const predictor = row({ ...(from ?? first), alphaBarNext }, objective, { B: signal, D: noise });
    const kept = from ? Math.sqrt((1 / from.alphaBar - 1) / (1 / alphaBarNext - 1)) : 0;
    const corrector = row({ ...next, alphaBarNext }, objective, { A: kept, C: signal * (1 - kept), D: noise * (1 - kept) });
    return [from ? predictor : { ...predictor, a: 1, b: 0 }, corrector];
  });

/** Unless it is clipped, an x0 that follows from eps cancels, and with it what division by √alphaBar loses. */
const needsX0 = (clip: boolean, objective: Objective): boolean => clip || objective !== "eps";

/** lambda = log(√alphaBar / √(1 - alphaBar)). */
const logSnr = (alphaBar: number): number => Math.log(alphaBar / (1 - alphaBar)) / 2;

type Mean = Partial<Pick<Row, "A" | "B" | "C" | "D" | "E" | "F">>;

const row = ({ t, alphaBar, alphaBarNext }: LevelStep, objective: Objective, mean: Mean): Row => ({
  t,
  ...readout(objective, alphaBar),
  ...{ A: 0, B: 0, C: 0, D: 0, E: 0, F: 0 },
  ...mean,
  alphaBar,
  alphaBarNext,
});
