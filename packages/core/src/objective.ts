/** What a model predicts, and what follows from it. */
import { oneOf } from "./names.ts";

export const objectiveNames = ["eps"] as const;
export type Objective = (typeof objectiveNames)[number];

/** `x0 = a·x + b·prediction` and `eps = c·x + d·prediction`. */
export interface Readout {
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly d: number;
}

/** How x0 and eps follow from x at `alphaBar` and what the model predicts. Throws a TypeError for an unknown objective. */
export const readout = (objective: Objective, alphaBar: number): Readout => readouts[oneOf(objectiveNames, objective, "an objective")](alphaBar);

const readouts: { readonly [O in Objective]: (alphaBar: number) => Readout } = {
  /** Eq. 15 of Ho et al. 2020. */
  eps: (alphaBar) => ({ a: 1 / Math.sqrt(alphaBar), b: -Math.sqrt((1 - alphaBar) / alphaBar), c: 0, d: 1 }),
};
