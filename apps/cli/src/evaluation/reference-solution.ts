import { mostSteps, type SamplerName, type Schedule } from "@ddpm/core/diffusion";

/** What the deterministic samplers come to with many steps, since all of them solve the same differential equation from the same noise. */
export interface ReferenceSolution {
  readonly sampler: SamplerName;
  /** Model calls. */
  readonly steps: number;
  /** The first so many images. */
  readonly count: number;
}

/** Images that suffice: their differences are averaged over pixels too. */
const enough = 64;

/** Heun's method, of the second order, with four times as many model calls as any of `steps`, or as many as the schedule allows. */
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
