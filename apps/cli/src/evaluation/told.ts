import type { BoundOfData, Distances, Estimate, Evaluation, Result } from "./evaluation.ts";

/** An estimate with its error, to the error's two digits. */
export function rounded({ mean, error }: Estimate): string {
  if (!(error > 0)) return mean.toPrecision(3);
  const digits = Math.min(Math.max(1 - Math.floor(Math.log10(error)), 0), 10);
  return `${mean.toFixed(digits)} ± ${error.toFixed(digits)}`;
}

export const fidOf = ({ fid }: Distances): string => (fid?.unbiased ? rounded(fid.unbiased) : "–");

/** What a set of images was drawn by, or where it lies. */
export const nameOf = ({ sampler, steps, images }: Result): string => (sampler === undefined ? images : `${sampler}, ${steps} calls`);

export function distancesTold({ fid, kid }: Distances): string {
  const plain = fid && `${fid.plain.toPrecision(4)} with the bias of few images`;
  const fids = fid?.unbiased ? [`FID ${rounded(fid.unbiased)} (${plain})`] : plain ? [`FID ${plain}, too few to take it away`] : [];
  return [...fids, `KID ${rounded(kid)}`].join(", ");
}

export function boundTold({ name, images, bits, prior, decoder, strata, timesteps }: BoundOfData): string {
  const calls = strata.length === timesteps ? `all ${timesteps} timesteps` : `${strata.length} of ${timesteps} timesteps each`;
  const parts = `prior ${prior.mean.toPrecision(2)}, decoder ${decoder === undefined ? "not told apart" : decoder.mean.toFixed(3)}`;
  return `${bits.mean.toFixed(3)} ± ${bits.error.toFixed(3)} bits a dimension (${parts}) over ${images} images of ${name}, ${calls}`;
}

/** Real images that others are compared with besides those learnt. */
export const othersTold = ({ heldOut }: Pick<Evaluation, "heldOut">): string => (heldOut ? "real images not learnt" : "other real images");

export const nearnessTold = ({ nearness: { count, drawn, real }, ...evaluation }: Pick<Evaluation, "nearness" | "heldOut">): string =>
  `median distance to the nearest image to learn from: ${drawn.toFixed(3)} of ${count} drawn ones, ${real.toFixed(3)} of ${othersTold(evaluation)}`;

/** An evaluation in lines for a terminal. */
export function told(evaluation: Evaluation): string[] {
  const { bound, features, floor, results, data } = evaluation;
  return [
    ...(bound ? [boundTold(bound)] : []),
    `in the ${features.size} features of ${features.name}:`,
    `  ${floor.count} ${othersTold(evaluation)} of ${data} (the floor): ${distancesTold(floor)}`,
    ...results.map((result) => `  ${result.distances.count} of ${nameOf(result)}: ${distancesTold(result.distances)}`),
    nearnessTold(evaluation),
  ];
}
