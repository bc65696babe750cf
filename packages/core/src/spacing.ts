/** Which of the timesteps a sampler visits, and how much noise there is at each. */
import { oneOf } from "./names.ts";
import type { Schedule } from "./schedule.ts";
import { firstAbove } from "./search.ts";

/** The spacings that are even in t. */
export const evenSpacingNames = ["leading", "trailing", "linspace"] as const;
type EvenSpacing = (typeof evenSpacingNames)[number];

/** All spacings. */
export const spacingNames = [...evenSpacingNames, "karras"] as const;
/** How the levels that a sampler visits are spread. */
export type Spacing = (typeof spacingNames)[number];

/** A level of noise that a sampler visits, and the timestep that tells the model of it. */
export interface Level {
  readonly t: number;
  readonly alphaBar: number;
}

/** A step of a sampler: from the level of `alphaBar`, of which the model is told by `t`, to that of `alphaBarNext`, which is 1 after the last step. */
export interface LevelStep extends Level {
  readonly alphaBarNext: number;
}

/** Each timestep of a decreasing list with its alphaBar. Throws a RangeError for another list. */
export function levelsAt({ alphasCumprod }: Schedule, timesteps: readonly number[]): Level[] {
  return timesteps.map((t, i) => {
    const alphaBar = alphasCumprod[t];
    if (alphaBar === undefined || (timesteps[i + 1] ?? -1) >= t) {
      throw new RangeError(`Expected timesteps to be decreasing and below ${alphasCumprod.length} but found ${timesteps}`);
    }
    return { t, alphaBar };
  });
}

/** The steps from level to level, and from the last to the image. */
export const stepsOf = (levels: readonly Level[]): LevelStep[] =>
  levels.map((level, i) => ({ ...level, alphaBarNext: levels[i + 1]?.alphaBar ?? 1 }));

/**
 * The `count` levels that a spacing visits: those of `timesteps`, or `karras`. Throws as `timesteps` does, and a RangeError where a schedule of zero
 * terminal SNR is not begun at its end.
 */
export function levels(spacing: Spacing, schedule: Schedule, count: number, spare = 0): Level[] {
  const T = schedule.betas.length;
  const list = spacing === "karras" ? karras(schedule, count) : levelsAt(schedule, timesteps(spacing, T, count, spare));
  if (startsAtNoise(schedule) && list[0]!.alphaBar > 0)
    throw new RangeError(
      `Expected trailing, linspace or karras spacing with zero terminal SNR, which has to begin at T, but found ${spacing}; choose one of them`,
    );
  return list;
}

/** Whether nothing of the image is left at T. */
export const startsAtNoise = ({ alphasCumprod }: Schedule): boolean => alphasCumprod.at(-1) === 0;

/**
 * Karras et al. 2022, eq. 5 with rho = 7: levels even in sigma^(1/rho) from the schedule's last to its first, where sigma² = (1 - alphaBar) / alphaBar.
 * The model is told the nearest timestep by log sigma, as in diffusers. Noise alone, whose sigma is infinite, comes first where a schedule has it.
 */
function karras(schedule: Schedule, count: number): Level[] {
  const T = schedule.betas.length;
  checkCount(count, T, "karras", T);
  const noise = startsAtNoise(schedule) ? levelsAt(schedule, [T - 1]) : [];
  const sigmas = Array.from(schedule.alphasCumprod.subarray(0, T - noise.length), sigmaOf);
  const points = count - noise.length;
  const [low, high] = [sigmas[0]! ** (1 / 7), sigmas.at(-1)! ** (1 / 7)];
  return [
    ...noise,
    ...Array.from({ length: points }, (_, i) => {
      const sigma = (high + (i / (points - 1 || 1)) * (low - high)) ** 7;
      return { t: nearest(sigmas, sigma), alphaBar: 1 / (1 + sigma ** 2) };
    }),
  ];
}

/** The noise's deviation where the image keeps its own: √((1 - alphaBar) / alphaBar). */
export const sigmaOf = (alphaBar: number): number => Math.sqrt((1 - alphaBar) / alphaBar);

/** The index of a sigma among rising ones, by interpolation of their logarithms. */
function nearest(sigmas: readonly number[], sigma: number): number {
  const above = firstAbove(sigmas, sigma);
  if (above === 0 || above === sigmas.length) return Math.max(0, above - 1);
  const [low, high] = [Math.log(sigmas[above - 1]!), Math.log(sigmas[above]!)];
  return halfToEven(above - 1 + (Math.log(sigma) - low) / (high - low));
}

/**
 * The `steps` timesteps of [0, T), decreasing, that a sampler visits, as in diffusers (half is rounded to even). `leading` ends at 0,
 * `trailing` starts at T - 1, `linspace` does both. `spare` is how many points more leading and linspace take, and drop again at the end.
 * Throws a RangeError where they would not differ, a TypeError for an unknown spacing.
 */
export function timesteps(spacing: EvenSpacing, T: number, steps: number, spare = 0): number[] {
  const most = mostLevels(oneOf(evenSpacingNames, spacing, "spacing"), T, spare);
  checkCount(steps, most, spacing, T);
  return spacings[spacing](T, steps + T - most).slice(0, steps);
}

/** The greatest number of levels that differ. Throws a TypeError for an unknown spacing. */
export const mostLevels = (spacing: Spacing, T: number, spare = 0): number =>
  ["leading", "linspace"].includes(oneOf(spacingNames, spacing, "spacing")) ? T - spare : T;

/** Throws a RangeError unless `steps` is an integer in [1, most]. */
export function checkCount(steps: number, most: number, spacing: Spacing, T: number): void {
  if (!Number.isInteger(steps) || steps < 1 || steps > most)
    throw new RangeError(
      `Expected steps to be an integer in [1, ${most}] with ${spacing} spacing of ${T} timesteps but found ${steps}; choose a number of steps in it`,
    );
}

const spacings: { readonly [S in EvenSpacing]: (T: number, points: number) => number[] } = {
  leading: (T, points) => descending(points, (i) => i * Math.floor(T / points)),
  trailing: (T, points) => Array.from({ length: points }, (_, i) => halfToEven(T - i * (T / points)) - 1),
  linspace: (T, points) => descending(points, (i) => halfToEven(i === points - 1 && i > 0 ? T - 1 : i * ((T - 1) / (points - 1 || 1)))),
};

const descending = (count: number, value: (i: number) => number): number[] => Array.from({ length: count }, (_, i) => value(count - 1 - i));

function halfToEven(x: number): number {
  const rounded = Math.round(x);
  return rounded - x === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}
