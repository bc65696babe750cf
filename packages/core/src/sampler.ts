/**
 * Samplers as tables: what a step does is ten numbers from float64 arithmetic on the host, so one compiled graph runs every sampler.
 * alphaBar is that of the step's timestep, alphaBarNext that of the timestep after it in the list, which is 1 after the last.
 */
import type { Schedule } from "./schedule.ts";
import type { Tensor } from "./tensor.ts";

/** Coefficients of one step: `x0 = clip(a·x + b·prediction)`, `eps = c·x + d·prediction`, `x′ = A·x + B·x0 + C·x0Previous + D·eps + E·z`. */
export interface Row {
  /** The timestep that the model sees. */
  readonly t: number;
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly d: number;
  readonly A: number;
  readonly B: number;
  readonly C: number;
  readonly D: number;
  readonly E: number;
}

export const coefficientNames = ["a", "b", "c", "d", "A", "B", "C", "D", "E"] as const;
export type RowCoefficients = { readonly [C in (typeof coefficientNames)[number]]: Tensor };

/** One step as a graph. `z` is standard normal noise; `x0Previous` is the `x0` of the step before (anything finite at first, say 0). */
export function samplerStep(x: Tensor, x0Previous: Tensor, prediction: Tensor, z: Tensor, row: RowCoefficients, { clip = false } = {}) {
  const x0 = limited(x.mul(row.a).add(prediction.mul(row.b)), clip);
  const eps = x.mul(row.c).add(prediction.mul(row.d));
  return { x: x.mul(row.A).add(x0.mul(row.B)).add(x0Previous.mul(row.C)).add(eps.mul(row.D)).add(z.mul(row.E)), x0 };
}

const limited = (x0: Tensor, clip: boolean): Tensor => (clip ? x0.clip(-1, 1) : x0);

export const spacingNames = ["leading", "trailing", "linspace"] as const;
export type Spacing = (typeof spacingNames)[number];

export const samplerNames = ["ddpm", "ddim", "dpm++"] as const;
export type SamplerName = (typeof samplerNames)[number];

export const objectiveNames = ["eps"] as const;
export type Objective = (typeof objectiveNames)[number];

export const varianceNames = ["posterior", "beta"] as const;
export type Variance = (typeof varianceNames)[number];

export interface SamplerOptions {
  /** Model calls. */
  readonly steps?: number | undefined;
  readonly spacing?: Spacing | undefined;
  /** Whether x0 is clipped to [-1, 1] at each step. */
  readonly clip?: boolean | undefined;
  /** DDIM's noise: 0 is deterministic, 1 has DDPM's variance. */
  readonly eta?: number | undefined;
  /** DDPM's noise: the posterior's variance (eq. 7) or beta, the two choices of section 3.2. */
  readonly variance?: Variance | undefined;
  readonly objective?: Objective | undefined;
}

/** What each sampler does unless told; steps are at most what the schedule allows. */
export const samplers: { readonly [S in SamplerName]: { readonly steps: number; readonly spacing: Spacing; readonly clip: boolean } } = {
  ddpm: { steps: Infinity, spacing: "trailing", clip: true },
  ddim: { steps: 50, spacing: "trailing", clip: true },
  "dpm++": { steps: 20, spacing: "linspace", clip: false },
};

/**
 * The table of a named sampler, in the order of the steps. Throws a TypeError for an unknown name or an `eta` that the sampler does not know,
 * a RangeError for impossible steps or eta.
 */
export function rows(name: SamplerName, schedule: Schedule, options: SamplerOptions = {}): Row[] {
  const defaults = samplers[oneOf(samplerNames, name, "a sampler")];
  const { spacing = defaults.spacing, clip = defaults.clip, eta = 0, variance, objective } = options;
  if (eta !== 0 && name !== "ddim") throw new TypeError(`Expected no eta for sampler ${name} but found ${eta}; eta is for ddim`);
  const T = schedule.betas.length;
  const steps = options.steps ?? Math.max(1, Math.min(defaults.steps, mostSteps(spacing, T, name)));
  return builders[name](schedule, timesteps(spacing, T, steps, name), { clip, eta, variance, objective });
}

const builders: { readonly [S in SamplerName]: (schedule: Schedule, timesteps: readonly number[], options: SamplerOptions) => Row[] } = {
  ddpm,
  ddim,
  "dpm++": dpmSolverPlusPlus,
};

/**
 * Ancestral sampling, algorithm 2 of Ho et al. 2020, on any decreasing timesteps. With `clip` the posterior's mean (eq. 7) of the clipped x0;
 * without it eq. 11, where x0 cancels and nothing is divided by √alphaBar. No noise at the last step.
 */
export function ddpm(schedule: Schedule, timesteps: readonly number[], options: SamplerOptions = {}): Row[] {
  const { variance = "posterior", clip = true, objective = "eps" } = options;
  oneOf(varianceNames, variance, "a variance");
  return steps(schedule, timesteps).map(({ t, alphaBar, alphaBarNext, last }) => {
    const alpha = alphaBar / alphaBarNext;
    const beta = 1 - alpha;
    const posteriorVariance = (beta * (1 - alphaBarNext)) / (1 - alphaBar);
    const mean = clip
      ? { A: ((1 - alphaBarNext) * Math.sqrt(alpha)) / (1 - alphaBar), B: (beta * Math.sqrt(alphaBarNext)) / (1 - alphaBar) }
      : { A: 1 / Math.sqrt(alpha), D: -beta / Math.sqrt(alpha * (1 - alphaBar)) };
    return row(t, objective, alphaBar, { ...mean, E: last ? 0 : Math.sqrt(variance === "beta" ? beta : posteriorVariance) });
  });
}

/**
 * Song et al. 2021, eq. 12 and 16; eps stays the raw prediction where x0 is clipped. Without `clip` x0 is written out in x and eps.
 * Throws a RangeError unless `eta` is in [0, 1].
 */
export function ddim(schedule: Schedule, timesteps: readonly number[], { eta = 0, clip = true, objective = "eps" }: SamplerOptions = {}): Row[] {
  if (!(eta >= 0 && eta <= 1)) throw new RangeError(`Expected eta in [0, 1] but found ${eta}`);
  return steps(schedule, timesteps).map(({ t, alphaBar, alphaBarNext }) => {
    const sigma = eta * Math.sqrt(((1 - alphaBarNext) / (1 - alphaBar)) * (1 - alphaBar / alphaBarNext));
    const direction = Math.sqrt(Math.max(0, 1 - alphaBarNext - sigma ** 2));
    const scale = Math.sqrt(alphaBarNext / alphaBar);
    const mean = clip ? { B: Math.sqrt(alphaBarNext), D: direction } : { A: scale, D: direction - scale * Math.sqrt(1 - alphaBar) };
    return row(t, objective, alphaBar, { ...mean, E: sigma });
  });
}

/** DPM-Solver++(2M), algorithm 2 of Lu et al. 2022; the first and the last step are of first order, and the last gives x0 itself. */
export function dpmSolverPlusPlus(schedule: Schedule, timesteps: readonly number[], { objective = "eps" }: SamplerOptions = {}): Row[] {
  const list = steps(schedule, timesteps);
  return list.map(({ t, alphaBar, alphaBarNext, last }, i) => {
    if (last) return row(t, objective, alphaBar, { B: 1 });
    const h = logSnr(alphaBarNext) - logSnr(alphaBar);
    const gain = -Math.sqrt(alphaBarNext) * Math.expm1(-h);
    const previous = list[i - 1];
    const half = previous ? h / (2 * (logSnr(alphaBar) - logSnr(previous.alphaBar))) : 0;
    return row(t, objective, alphaBar, { A: Math.sqrt((1 - alphaBarNext) / (1 - alphaBar)), B: gain * (1 + half), C: -gain * half });
  });
}

/** lambda = log(√alphaBar / √(1 - alphaBar)). */
const logSnr = (alphaBar: number): number => Math.log(alphaBar / (1 - alphaBar)) / 2;

type Mean = Partial<Pick<Row, "A" | "B" | "C" | "D" | "E">>;

const row = (t: number, objective: Objective, alphaBar: number, mean: Mean): Row => ({
  t,
  ...objectives[oneOf(objectiveNames, objective, "an objective")](alphaBar),
  ...{ A: 0, B: 0, C: 0, D: 0, E: 0 },
  ...mean,
});

/** x0 and eps from x and what the model predicts: eq. 15 where that is eps. */
const objectives: { readonly [O in Objective]: (alphaBar: number) => Pick<Row, "a" | "b" | "c" | "d"> } = {
  eps: (alphaBar) => ({ a: 1 / Math.sqrt(alphaBar), b: -Math.sqrt((1 - alphaBar) / alphaBar), c: 0, d: 1 }),
};

/** Each timestep with its alphaBar and the next one's. */
function steps({ alphasCumprod }: Schedule, timesteps: readonly number[]) {
  return timesteps.map((t, i) => {
    const alphaBar = alphasCumprod[t];
    const next = timesteps[i + 1] ?? -1;
    if (alphaBar === undefined || next >= t) {
      throw new RangeError(`Expected decreasing timesteps below ${alphasCumprod.length} but found ${timesteps}`);
    }
    return { t, alphaBar, alphaBarNext: alphasCumprod[next] ?? 1, last: i === timesteps.length - 1 };
  });
}

/**
 * The `steps` timesteps of [0, T), decreasing, that a sampler visits, as in diffusers (half is rounded to even). `leading` ends at 0,
 * `trailing` starts at T - 1, `linspace` does both; dpm++ takes one point more and drops the last, for leading and linspace.
 * Throws a RangeError where they would not differ, a TypeError for an unknown spacing.
 */
export function timesteps(spacing: Spacing, T: number, steps: number, sampler: SamplerName): number[] {
  const most = mostSteps(oneOf(spacingNames, spacing, "a spacing"), T, oneOf(samplerNames, sampler, "a sampler"));
  if (!Number.isInteger(steps) || steps < 1 || steps > most) {
    const where = `for ${sampler} with ${spacing} spacing of ${T} timesteps`;
    throw new RangeError(`Expected steps to be an integer in [1, ${most}] ${where} but found ${steps}`);
  }
  return spacings[spacing](T, steps + T - most).slice(0, steps);
}

const spacings: { readonly [S in Spacing]: (T: number, points: number) => number[] } = {
  leading: (T, points) => descending(points, (i) => i * Math.floor(T / points)),
  trailing: (T, points) => Array.from({ length: points }, (_, i) => halfToEven(T - i * (T / points)) - 1),
  linspace: (T, points) => descending(points, (i) => halfToEven(i === points - 1 && i > 0 ? T - 1 : i * ((T - 1) / (points - 1 || 1)))),
};

const descending = (count: number, value: (i: number) => number): number[] => Array.from({ length: count }, (_, i) => value(count - 1 - i));

/** The points that a sampler's spacing drops. */
const spare = (spacing: Spacing, sampler: SamplerName): number => (sampler === "dpm++" && spacing !== "trailing" ? 1 : 0);

const mostSteps = (spacing: Spacing, T: number, sampler: SamplerName): number => T - spare(spacing, sampler);

function halfToEven(x: number): number {
  const rounded = Math.round(x);
  return rounded - x === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}

function oneOf<T extends string>(names: readonly T[], name: T, what: string): T {
  if (!names.includes(name)) throw new TypeError(`Expected ${what} among ${names.join(", ")} but found ${name}`);
  return name;
}
