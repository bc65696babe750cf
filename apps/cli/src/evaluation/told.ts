import type { BoundOfData } from "./bound-figure.ts";
import type { Distances } from "./distances.ts";
import type { Estimate } from "./estimate.ts";
import type { Evaluation, Nearness, Result } from "./evaluation.ts";

/** An estimate with its error, to the error's two digits. */
export function rounded({ mean, error }: Estimate): string {
  if (!(error > 0)) return mean.toPrecision(3);
  const digits = Math.min(Math.max(1 - Math.floor(Math.log10(error)), 0), 10);
  return `${mean.toFixed(digits)} ± ${error.toFixed(digits)}`;
}

export const fidOf = ({ fid }: Distances): string => (fid ? rounded(fid.unbiased) : "–");

/** What a set of images was drawn by, or where it lies. */
export const nameOf = ({ sampler, steps, images }: Result): string => (sampler === undefined ? images : `${sampler}, ${steps} calls`);

export const distancesTold = (distances: Distances): string =>
  `${distances.fid ? `FID ${fidOf(distances)} (${distances.fid.plain.toPrecision(4)} with the bias of few images), ` : ""}KID ${rounded(distances.kid)}`;

export function boundTold({ name, images, bits, prior, decoder, strata, timesteps }: BoundOfData): string {
  const calls = strata.length === timesteps ? `all ${timesteps} timesteps` : `${strata.length} of ${timesteps} timesteps each`;
  const parts = `prior ${prior.mean.toPrecision(2)}, decoder ${decoder === undefined ? "not told apart" : decoder.mean.toFixed(3)}`;
  return `${bits.mean.toFixed(3)} ± ${bits.error.toFixed(3)} bits a dimension (${parts}) over ${images} images of ${name}, ${calls}`;
}

export const nearnessTold = ({ count, drawn, real }: Nearness): string =>
  `median distance to the nearest learnt image: ${drawn.toFixed(3)} of ${count} drawn ones, ${real.toFixed(3)} of real ones not learnt`;

/** An evaluation in lines for a terminal. */
export const told = ({ bound, features, floor, results, nearness, data }: Evaluation): string[] => [
  ...(bound ? [boundTold(bound)] : []),
  `in the ${features.size} features of ${features.name}:`,
  `  ${floor.count} real images of ${data} not learnt (the floor): ${distancesTold(floor)}`,
  ...results.map((result) => `  ${result.distances.count} of ${nameOf(result)}: ${distancesTold(result.distances)}`),
  nearnessTold(nearness),
];
