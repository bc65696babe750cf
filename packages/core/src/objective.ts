/** What a model predicts, and what follows from it. */
import { predictV } from "./diffusion.ts";
import { oneOf } from "./names.ts";
import type { Tensor } from "./tensor.ts";

/** All that a model can be asked to predict: the noise, the image, the velocity. */
export const objectiveNames = ["eps", "x0", "v"] as const;
/** What a model predicts. */
export type Objective = (typeof objectiveNames)[number];

/** `x0 = a·x + b·prediction` and `eps = c·x + d·prediction`. */
export interface Readout {
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly d: number;
}

interface Definition {
  /** What the model is to predict of an image and its noise. */
  readonly target: (x0: Tensor, noise: Tensor, coefficients: Parameters<typeof predictV>[2]) => Tensor;
  readonly readout: (alphaBar: number) => Readout;
  /** Weight of the loss at a signal-to-noise ratio where that is cut at gamma: see `minSnrWeight`. */
  readonly weight: (snr: number, gamma: number) => number;
}

const definitions: { readonly [O in Objective]: Definition } = {
  /** Ho et al. 2020: the noise; eq. 15. */
  eps: {
    target: (_, noise) => noise,
    readout: (alphaBar) => ({ a: 1 / Math.sqrt(alphaBar), b: -Math.sqrt((1 - alphaBar) / alphaBar), c: 0, d: 1 }),
    weight: (snr, gamma) => Math.min(1, gamma / snr),
  },
  /** The image. */
  x0: {
    target: (x0) => x0,
    readout: (alphaBar) => ({ a: 0, b: 1, c: 1 / Math.sqrt(1 - alphaBar), d: -Math.sqrt(alphaBar / (1 - alphaBar)) }),
    weight: (snr, gamma) => Math.min(snr, gamma),
  },
  /** Salimans and Ho 2022, appendix D: the velocity. */
  v: {
    target: predictV,
    readout: (alphaBar) => ({ a: Math.sqrt(alphaBar), b: -Math.sqrt(1 - alphaBar), c: Math.sqrt(1 - alphaBar), d: Math.sqrt(alphaBar) }),
    weight: (snr, gamma) => Math.min(snr, gamma) / (snr + 1),
  },
};

const definition = (objective: Objective): Definition => definitions[oneOf(objectiveNames, objective, "objective")];

/** What a model of this objective is to predict, [B, H, W, C]; `coefficients` are those of `qSample`. Throws a TypeError for an unknown objective. */
export const target = (objective: Objective, ...of: Parameters<Definition["target"]>): Tensor => definition(objective).target(...of);

/**
 * How x0 and eps follow from x at `alphaBar` and what the model predicts. Throws a RangeError where they do not: noise alone tells eps, but no image.
 * Throws a TypeError for an unknown objective.
 */
export function readout(objective: Objective, alphaBar: number): Readout {
  const numbers = definition(objective).readout(alphaBar);
  if (Object.values(numbers).every(Number.isFinite)) return numbers;
  throw new RangeError(`Expected an alphaBar at which x0 and eps follow from ${objective} but found ${alphaBar}; objective v does for noise alone`);
}

/**
 * Weight of the loss at a signal-to-noise ratio, cut at `gamma`: the loss of x0 by min(snr, gamma), in terms of what the objective predicts
 * (Hang et al. 2023, section 3.4). A `gamma` of 0 leaves the loss as it is. Throws a TypeError for an unknown objective.
 */
export const minSnrWeight = (objective: Objective, snr: number, gamma: number): number =>
  gamma === 0 ? 1 : definition(objective).weight(snr, gamma);
