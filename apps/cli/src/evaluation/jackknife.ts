import { permutation, stream } from "@ddpm/core/random";
import type { Estimate } from "./evaluation.ts";

/** Parts that each are left out once. */
export const groups = 16;

/** What an estimate with an error takes. */
export const fewestImages = 2 * groups;

/**
 * Which part each of so many images is in: as many in each, and at random, since images may come in a regular order; otherwise for the real ones than for
 * those that are compared with them, since both may come in the same order. Throws a RangeError for too few.
 */
export function partsOf(side: "real" | "compared", count: number, parts = groups): Uint8Array {
  if (count < fewestImages) throw new RangeError(`Expected at least ${fewestImages} images to compare but found ${count}; choose more`);
  return Uint8Array.from(permutation(stream(side === "real" ? 0 : 1, "evaluation"), count), (place) => place % parts);
}

/**
 * An estimate from a statistic of all images and the same with each part of them left out: without the bias that falls as one over their number, as that of
 * FID does (Quenouille 1956), and with its standard error (Tukey 1958).
 */
export function jackknife(whole: number, without: readonly number[]): Estimate {
  const n = without.length;
  const mean = without.reduce((sum, x) => sum + x, 0) / n;
  return { mean: n * whole - (n - 1) * mean, error: standardError(without) };
}

/** The standard error of a statistic that has no bias, from the same with each part left out. */
export function standardError(without: readonly number[]): number {
  const n = without.length;
  const mean = without.reduce((sum, x) => sum + x, 0) / n;
  return Math.sqrt(((n - 1) / n) * without.reduce((sum, x) => sum + (x - mean) ** 2, 0));
}
