import type { Config } from "./config.ts";

/** All ways in which the learning rate can fall. */
export const lrDecayNames = ["none", "linear", "cosine"] as const;
/** How the learning rate falls. */
export type LrDecay = (typeof lrDecayNames)[number];

/** What is left of the learning rate after the part `done` in [0, 1) of a decay. */
const decays: { readonly [D in LrDecay]: (done: number) => number } = {
  none: () => 1,
  linear: (done) => 1 - done,
  /** Loshchilov and Hutter 2017, eq. 5, without restarts. */
  cosine: (done) => (1 + Math.cos(Math.PI * done)) / 2,
};

/**
 * The learning rate of step n = 1, 2, …: rises by `train.lr` / `train.warmup` a step, is `train.lr` at the end of the warm-up and in the step
 * after it, and then falls so that it would be 0 in the step after `train.decaySteps`, from where on it is 0.
 * Throws a RangeError for a decay whose length is not known.
 */
export function lrAt(config: Pick<Config, "train.lr" | "train.warmup" | "train.lrDecay" | "train.decaySteps">, n: number): number {
  const { "train.lr": lr, "train.warmup": warmup, "train.lrDecay": decay, "train.decaySteps": steps } = config;
  if (n <= warmup) return (lr * n) / warmup;
  if (decay === "none") return lr;
  if (steps <= warmup) throw new RangeError(`Cannot let the learning rate fall until step ${steps} after ${warmup} steps of warm-up`);
  return lr * decays[decay](Math.min((n - 1 - warmup) / (steps - warmup), 1));
}
