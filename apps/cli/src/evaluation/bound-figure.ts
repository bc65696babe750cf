import type { Stratum } from "@ddpm/core";
import { figure } from "../plot.ts";
import { estimateOf } from "./estimate.ts";
import type { BoundOfData } from "./evaluation.ts";

interface Terms {
  /** Of each image [n]. */
  readonly prior: Float64Array;
  readonly strata: readonly Stratum[];
  /** A term of each image [n] at a t in each stratum. */
  readonly terms: readonly Float64Array[];
}

/** The bound of each image is its prior and, for each stratum, its term there as often as the stratum has timesteps; the images' spread gives the errors. */
export function summarise({ prior, strata, terms }: Terms): Pick<BoundOfData, "images" | "bits" | "prior" | "decoder" | "strata"> {
  const totals = prior.map((bits, image) => strata.reduce((sum, { length }, i) => sum + length * terms[i]![image]!, bits));
  const [first] = strata;
  return {
    images: totals.length,
    bits: estimateOf(totals),
    prior: estimateOf(prior),
    ...(first?.length === 1 && { decoder: estimateOf(terms[0]!) }),
    strata: strata.map((stratum, i) => ({ ...stratum, bits: estimateOf(terms[i]!) })),
  };
}

/** Where the bits come from: the bound's term at each t, as SVG. */
export function boundFigure({ name, images, bits, prior, strata }: BoundOfData): Promise<string> {
  const points = strata.map(({ first, length, bits: { mean } }) => [first + (length + 1) / 2, mean] as const); // the paper's t, from 1
  const subtitle = `${bits.mean.toFixed(3)} ± ${bits.error.toFixed(3)} bits a dimension over ${images} images of ${name}, ${prior.mean.toPrecision(2)} of them the prior's`;
  const panel = { title: "Terms of the bound", x: "t", y: "bits a dimension", logarithmic: true, logarithmicX: true };
  return figure([{ ...panel, curves: [{ name: "L t-1", points, look: "dotted" }] }], {
    columns: 1,
    title: "Variational bound",
    subtitle,
    width: 480,
    height: 320,
  });
}
