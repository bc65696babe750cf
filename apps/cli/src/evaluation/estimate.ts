import type { Estimate } from "./evaluation.ts";

/** The mean of independent values, and how far it may be off; of a single one that is not known. */
export function estimateOf(values: ArrayLike<number>): Estimate {
  const n = values.length;
  const all = Array.from(values);
  const mean = all.reduce((sum, x) => sum + x, 0) / n;
  const variance = all.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (n - 1);
  return { mean, error: Math.sqrt(variance / n) };
}
