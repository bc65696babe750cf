import type { Estimate } from "./estimate.ts";

/** Parts that each are left out once; image i is in part i mod `groups`. */
export const groups = 16;

/** What an estimate with an error takes. */
export const fewestImages = 2 * groups;

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
