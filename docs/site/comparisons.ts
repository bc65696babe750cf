/** What training with one choice or another led to, as scripts/comparisons.mjs measured: data/comparisons.json, as a table for each choice. */
import { dataOf, fence, type Measured, tableOf, told } from "./measured.ts";

/** A model, after so many steps of training. */
interface Compared {
  readonly name: string;
  readonly step: number;
  readonly parameters: number;
  readonly fid: Measured;
  readonly kid: Measured;
}

export interface Comparisons {
  readonly date: string;
  readonly machine: string;
  readonly data: string;
  /** Pictures that were drawn of each model, and how. */
  readonly images: number;
  readonly sampler: string;
  readonly calls: number;
  /** Of as many real pictures. */
  readonly floor: Pick<Compared, "fid" | "kid">;
  readonly comparisons: Readonly<Record<string, readonly Compared[]>>;
}

/** Makes a fence `compared` with the name of a comparison its table, with how it was measured beneath. */
export const compared = fence("compared", (name) => comparedOf(name, dataOf<Comparisons>("comparisons.json")));

/** A comparison as a table in Markdown. Throws an Error where it is not written down. */
export function comparedOf(name: string, found: Comparisons | undefined): string {
  const models = found?.comparisons[name];
  if (!models) throw new Error(`Expected a comparison of ${name} in docs/data/comparisons.json but found none; scripts/comparisons.mjs writes it`);
  const names = [...new Set(models.map(({ name }) => name))];
  const steps = [...new Set(models.map(({ step }) => step))];
  const rows = names.map((name) => {
    const own = models.filter((model) => model.name === name);
    return [
      name,
      own[0]!.parameters.toLocaleString("en"),
      ...steps.map((step) => told(own.find((model) => model.step === step)?.fid)),
      told(own.at(-1)!.kid),
    ];
  });
  const head = ["", "parameters", ...steps.map((step) => `FID, ${step} steps`), `KID, ${steps.at(-1)} steps`];
  const { date, machine, data, images, sampler, calls, floor } = found;
  const how = `${date}, ${machine}: ${data}. ${images} pictures of each model by ${sampler} with ${calls} calls, averaged weights, seed 0 unless said`;
  return `${tableOf(head, rows, head.length - 1)}\n\n_${how}. As many real pictures are at FID ${told(floor.fid)}._`;
}
