import { mostSteps, type Schedule } from "@ddpm/core/diffusion";
import type { ReferenceSolution } from "./evaluation.ts";

/** Images that suffice: their differences are averaged over pixels too. */
const enough = 64;

/** What the deterministic samplers are compared with, which all come to it with many steps: Heun's method, of the second order, with four times as many model calls as any of `steps`, or as many as the schedule allows. */
export const referenceFor = (schedule: Schedule, steps: readonly number[], count: number): ReferenceSolution => ({
  sampler: "heun",
  steps: Math.min(4 * Math.max(...steps), mostSteps("heun", schedule)),
  count: Math.min(count, enough),
});

/** The root mean square of the differences between the first images of a sampler and those of the reference, in the units of the pixels. */
export function distanceFrom(reference: Float32Array, images: Float32Array): number {
  const squares = reference.reduce((sum, x, i) => sum + (x - images[i]!) ** 2, 0);
  return Math.sqrt(squares / reference.length);
}
