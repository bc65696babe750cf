/** Samplers as tables: one compiled graph runs every row of every sampler, fed with the row's coefficients. */
import { oneOf } from "./names.ts";
import { type Schedule, scheduleOf } from "./schedule.ts";
import { ddim, ddimInversion, ddpm, dpmSolverPlusPlus, euler, heun, heunCalls, type Row, type Solver, type SolverOptions } from "./solvers.ts";
import { checkCount, type Level, levels, levelsAt, mostLevels, type Spacing, sigmaOf } from "./spacing.ts";
import type { Tensor } from "./tensor.ts";

/** The columns of a sampler's table that its graph is fed with: see `Row`. */
export const coefficientNames = ["a", "b", "c", "d", "A", "B", "C", "D", "E", "F"] as const satisfies (keyof Row)[];
/** Those columns as scalar tensors. */
export type RowCoefficients = { readonly [C in (typeof coefficientNames)[number]]: Tensor };

/**
 * One step as a graph. `output` is what the model says: a prediction shaped like x, or twice as many channels, of which the second half is the spread
 * of the variance. `z` is standard normal noise; `x0Previous` is the `x0` of the step before (anything finite at first, say 0).
 */
export function samplerStep(
  x: Tensor,
  x0Previous: Tensor,
  output: Tensor,
  z: Tensor,
  row: RowCoefficients,
  { clip = false }: { readonly clip?: boolean } = {},
): { readonly x: Tensor; readonly x0: Tensor } {
  const { prediction, spread } = parts(output, x.shape.at(-1)!);
  const noise = spread ? spread.mul(row.F).exp().mul(row.E).mul(z) : z.mul(row.E);
  const x0 = limited(x.mul(row.a).add(prediction.mul(row.b)), clip);
  const eps = x.mul(row.c).add(prediction.mul(row.d));
  return { x: x.mul(row.A).add(x0.mul(row.B)).add(x0Previous.mul(row.C)).add(eps.mul(row.D)).add(noise), x0 };
}

/** A model's output [b, h, w, …] as its prediction of so many channels and, where it has twice as many, the spread of the variance. */
export function parts(output: Tensor, channels: number): { readonly prediction: Tensor; readonly spread?: Tensor } {
  const axis = output.shape.length - 1;
  if (output.shape[axis] === channels) return { prediction: output };
  return { prediction: output.slice(axis, 0, channels), spread: output.slice(axis, channels, channels) };
}

const limited = (x0: Tensor, clip: boolean): Tensor => (clip ? x0.clip(-1, 1) : x0);

/** All samplers. */
export const samplerNames = ["ddpm", "ddim", "dpm++", "euler", "heun"] as const;
/** One of the samplers. */
export type SamplerName = (typeof samplerNames)[number];

/** Which levels of noise a sampler visits, and how it steps between them. */
export interface SamplerOptions extends SolverOptions {
  readonly spacing?: Spacing | undefined;
  /** The share of the levels that are visited, the last ones, in (0, 1]: 1 starts from noise, less from an image that is noised so far: see editing.ts. */
  readonly strength?: number | undefined;
  /** The most noise to visit, as sigma = √((1 - alphaBar) / alphaBar): what noisier levels add only magnifies the errors of a model that predicts eps. */
  readonly sigmaMax?: number | undefined;
}

interface Standard {
  readonly solver: Solver;
  /** Model calls unless told, or as many as the schedule allows. */
  readonly steps: number;
  readonly spacing: Spacing;
  readonly sigmaMax?: number;
  readonly clip: boolean;
  /** The points that its leading and linspace spacings drop. */
  readonly spare?: number;
  /** Whether a step needs what the one before found, so that stretches cannot be repainted: see editing.ts. */
  readonly chained?: boolean;
  /** The most model calls over some levels; one each unless told. */
  readonly calls?: (levels: readonly Level[]) => number;
}

/** What each sampler is, and what it does unless told. */
export const samplers: { readonly [S in SamplerName]: Standard } = {
  ddpm: { solver: ddpm, steps: Infinity, spacing: "trailing", clip: true },
  ddim: { solver: ddim, steps: 50, spacing: "trailing", clip: true },
  "dpm++": { solver: dpmSolverPlusPlus, steps: 20, spacing: "linspace", clip: false, spare: 1, chained: true },
  euler: { solver: euler, steps: 50, spacing: "trailing", clip: true },
  // Karras et al. 2022, table 1
  heun: { solver: heun, steps: 35, spacing: "karras", sigmaMax: 80, clip: true, calls: heunCalls, chained: true },
};

/**
 * The table of a named sampler, in the order of the steps. Throws a TypeError for an unknown name or an `eta` that the sampler does not know,
 * a RangeError for impossible steps, eta, sigmaMax or strength.
 */
export function rows(name: SamplerName, whole: Schedule, options: SamplerOptions = {}): Row[] {
  const { solver, clip: usualClip, steps: usualSteps } = samplers[oneOf(samplerNames, name, "sampler")];
  const { clip = usualClip, eta = 0, strength = 1 } = options;
  if (!(strength > 0 && strength <= 1)) throw new RangeError(`Expected strength to be above 0 and at most 1 but found ${strength}`);
  if (eta !== 0 && name !== "ddim") throw new TypeError(`Expected no eta for sampler ${name} but found ${eta}; leave it out or choose ddim`);
  const { T, spacing, at, calls, most } = reach(name, whole, options);
  const steps = options.steps ?? Math.max(1, Math.min(usualSteps, most));
  checkCount(steps, most, spacing, T);
  const list = calls ? fewest(at, steps, calls) : at(steps);
  const visited = Math.max(1, Math.ceil(strength * list.length - 1e-9)); // 0.55 · 100 is 55.000000000000007
  return solver(list.slice(-visited), { ...options, clip, eta, steps: strength === 1 ? steps : undefined });
}

/** The most model calls of a named sampler over a schedule. Throws a TypeError for an unknown name or spacing, a RangeError for an impossible sigmaMax. */
export const mostSteps = (name: SamplerName, schedule: Schedule, options: Pick<SamplerOptions, "spacing" | "sigmaMax"> = {}): number =>
  reach(name, schedule, options).most;

/** Which levels a sampler can visit, and with how many calls. */
function reach(name: SamplerName, whole: Schedule, options: Pick<SamplerOptions, "spacing" | "sigmaMax">) {
  const { spare = 0, calls, ...standard } = samplers[oneOf(samplerNames, name, "sampler")];
  const { spacing = standard.spacing, sigmaMax = standard.sigmaMax } = options;
  const schedule = below(whole, sigmaMax);
  const T = schedule.betas.length;
  const at = (count: number): Level[] => levels(spacing, schedule, count, spare);
  const most = mostLevels(spacing, T, spare);
  return { T, spacing, at, calls, most: calls ? calls(at(most)) : most };
}

/** The table of `ddimInversion` over the levels of DDIM with the same options, two model calls each. Throws as `rows` does. */
export function inversionRows(schedule: Schedule, { steps, spacing = samplers.ddim.spacing, sigmaMax, objective }: SamplerOptions = {}): Row[] {
  const own = below(schedule, sigmaMax);
  const list = levels(spacing, own, steps ?? Math.min(samplers.ddim.steps, own.betas.length));
  return ddimInversion(list, levelsAt(own, [0])[0]!, { objective });
}

/** The part of a schedule without more noise than `sigmaMax`. Throws a RangeError where nothing is left. */
function below(schedule: Schedule, sigmaMax = Infinity): Schedule {
  const count = schedule.alphasCumprod.findIndex((alphaBar) => !(sigmaOf(alphaBar) <= sigmaMax));
  if (count < 0) return schedule;
  if (count > 0) return scheduleOf(schedule.betas.subarray(0, count));
  throw new RangeError(
    `Expected sigmaMax of at least ${sigmaOf(schedule.alphasCumprod[0]!).toPrecision(2)}, the least noise of the schedule, but found ${sigmaMax}; choose a larger one`,
  );
}

/** The fewest levels over which a sampler makes so many model calls, which are two a level but for the last. */
function fewest(at: (count: number) => Level[], steps: number, calls: (levels: readonly Level[]) => number): Level[] {
  let count = Math.ceil((steps + 1) / 2);
  let list = at(count);
  while (calls(list) < steps) list = at(++count);
  return list;
}
