/** How good our models are, as `ddpm evaluate` found: data/quality.json, a list of evaluations, as a table of the page on numbers. */
import { dataOf, fence, type Measured, tableOf, told } from "./measured.ts";

export interface Evaluation {
  readonly model: string;
  /** Which weights: averaged or raw. */
  readonly weights: string;
  readonly sampler: string;
  /** Model calls for a picture. */
  readonly steps: number;
  /** Pictures that were drawn. */
  readonly samples: number;
  /** In which features the distances are. */
  readonly features: string;
  readonly fid?: Measured;
  /** The same distance between real pictures and real ones. */
  readonly fidFloor?: Measured;
  readonly kid?: Measured;
  readonly kidFloor?: Measured;
  readonly bitsPerDim?: Measured;
}

/** Makes a fence `quality` the table of what is written down, or says that nothing is. */
export const quality = fence("quality", () => qualityOf(dataOf<Evaluation[]>("quality.json") ?? []));

/** Evaluations as a table in Markdown, and how far real pictures are from real ones. */
export function qualityOf(evaluations: readonly Evaluation[]): string {
  if (evaluations.length === 0) return "_No evaluation is written down yet in `docs/data/quality.json`._";
  const head = ["model", "drawn by", "pictures", "FID", "KID", "bits a dimension"];
  const rows = evaluations.map(({ model, weights, sampler, steps, samples, fid, kid, bitsPerDim }) => [
    `${model}, ${weights}`,
    `${sampler}, ${steps} calls`,
    samples.toLocaleString("en"),
    ...[fid, kid, bitsPerDim].map(told),
  ]);
  return [tableOf(head, rows, 4), floorsOf(evaluations)].join("\n\n");
}

/** A sentence for each number of real pictures that were compared with others, in each kind of features. */
function floorsOf(evaluations: readonly Evaluation[]): string {
  const sentences = evaluations.map(
    ({ samples, features, fidFloor, kidFloor }) =>
      `In the features of ${features}, ${samples.toLocaleString("en")} real pictures are from the others at FID ${told(fidFloor)}, KID ${told(kidFloor)}.`,
  );
  return [...new Set(sentences)].join(" ");
}
