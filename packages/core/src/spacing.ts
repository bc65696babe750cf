/** Which of the timesteps a sampler visits, and how much noise there is at each. */
import { oneOf } from "./names.ts";
import type { Schedule } from "./schedule.ts";

export const spacingNames = ["leading", "trailing", "linspace"] as const;
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
      throw new RangeError(`Expected decreasing timesteps below ${alphasCumprod.length} but found ${timesteps}`);
    }
    return { t, alphaBar };
  });
}

/** The steps from level to level, and from the last to the image. */
export const stepsOf = (levels: readonly Level[]): LevelStep[] =>
  levels.map((level, i) => ({ ...level, alphaBarNext: levels[i + 1]?.alphaBar ?? 1 }));

/**
 * The `steps` timesteps of [0, T), decreasing, that a sampler visits, as in diffusers (half is rounded to even). `leading` ends at 0,
 * `trailing` starts at T - 1, `linspace` does both. `spare` is how many points more leading and linspace take, and drop again at the end.
 * Throws a RangeError where they would not differ, a TypeError for an unknown spacing.
 */
export function timesteps(spacing: Spacing, T: number, steps: number, spare = 0): number[] {
  const most = mostSteps(oneOf(spacingNames, spacing, "a spacing"), T, spare);
  if (!Number.isInteger(steps) || steps < 1 || steps > most) {
    throw new RangeError(`Expected steps to be an integer in [1, ${most}] with ${spacing} spacing of ${T} timesteps but found ${steps}`);
  }
  return spacings[spacing](T, steps + T - most).slice(0, steps);
}

/** The greatest number of steps that differ. */
export const mostSteps = (spacing: Spacing, T: number, spare = 0): number => (spacing === "trailing" ? T : T - spare);

const spacings: { readonly [S in Spacing]: (T: number, points: number) => number[] } = {
  leading: (T, points) => descending(points, (i) => i * Math.floor(T / points)),
  trailing: (T, points) => Array.from({ length: points }, (_, i) => halfToEven(T - i * (T / points)) - 1),
  linspace: (T, points) => descending(points, (i) => halfToEven(i === points - 1 && i > 0 ? T - 1 : i * ((T - 1) / (points - 1 || 1)))),
};

const descending = (count: number, value: (i: number) => number): number[] => Array.from({ length: count }, (_, i) => value(count - 1 - i));

function halfToEven(x: number): number {
  const rounded = Math.round(x);
  return rounded - x === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}
