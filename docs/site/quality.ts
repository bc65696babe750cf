/** How good our models are, as `ddpm evaluate` found: data/quality.json, a list of evaluations, as a table of the page on numbers. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Estimate, type Evaluation, estimate, jsonOf, point, rounded } from "@ddpm/cli/evaluation";
import { array, exactOptional, type InferOutput, number, strictObject, string } from "valibot";
import type { MarkdownIt, Token } from "./markdown.ts";
import { root } from "./repository.ts";

const row = strictObject({
  model: string(),
  /** Which weights: averaged or raw. */
  weights: string(),
  ...point.entries,
  /** Pictures that were drawn. */
  samples: number(),
  /** In which features the distances are. */
  features: string(),
  fid: exactOptional(estimate),
  /** The same distance between real pictures and real ones. */
  fidFloor: exactOptional(estimate),
  kid: estimate,
  kidFloor: estimate,
  bitsPerDim: exactOptional(estimate),
});
export type Row = InferOutput<typeof row>;

/** Whose weights an evaluation is of. */
export type Subject = Pick<Row, "model" | "weights">;

/** The rows of what `ddpm evaluate` found of a model. Throws a TypeError for an evaluation of pictures, of which no model is known. */
export function rowsOf({ floor, results, bound, features }: Evaluation, subject: Subject): Row[] {
  return results.map(({ sampler, steps, images, distances: { count, fid, kid } }) => {
    if (sampler === undefined || steps === undefined)
      throw new TypeError(`Expected pictures that a model drew but found those of ${images}; choose an evaluation of a --checkpoint`);
    return {
      ...subject,
      sampler,
      steps,
      samples: count,
      features: features.name,
      ...(fid?.unbiased && { fid: fid.unbiased }),
      ...(floor.fid?.unbiased && { fidFloor: floor.fid.unbiased }),
      kid,
      kidFloor: floor.kid,
      ...(bound && { bitsPerDim: bound.bits }),
    };
  });
}

/** The rows that quality.json holds at `path`. Throws a SyntaxError for others. */
export const rowsIn = (text: string, path: string): Row[] => jsonOf(array(row), text, { path, advice: "write it anew with docs/scripts/quality.ts" });

/** Where the rows are. */
export const file = join(root, "docs/data/quality.json");

/** Makes a fence `quality` the table of what is written down, or says that nothing is. */
export function quality(md: MarkdownIt): void {
  md.core.ruler.after("block", "quality", (state) => {
    state.tokens = state.tokens.flatMap((token) => {
      if (token.type !== "fence" || token.info !== "quality") return [token];
      const found = existsSync(file) ? rowsIn(readFileSync(file, "utf8"), file) : [];
      const tokens: Token[] = [];
      state.md.block.parse(qualityOf(found), state.md, state.env, tokens); // what stands within the cells is read with the rest of the page
      return tokens;
    });
  });
}

/** Rows as a table in Markdown, and how far real pictures are from real ones. */
export function qualityOf(evaluations: readonly Row[]): string {
  if (evaluations.length === 0) return "_No evaluation is written down yet in `docs/data/quality.json`._";
  const head = ["model", "drawn by", "pictures", "FID", "KID", "bits a dimension"];
  const rows = evaluations.map(({ model, weights, sampler, steps, samples, fid, kid, bitsPerDim }) => [
    `${model}, ${weights}`,
    `${sampler}, ${steps} calls`,
    samples.toLocaleString("en"),
    ...[fid, kid, bitsPerDim].map(told),
  ]);
  const marks = head.map((_, i) => (i < 2 ? "---" : "---:"));
  const table = [head, marks, ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
  return `${table}\n\n${floorsOf(evaluations)}`;
}

/** A sentence for each number of real pictures that were compared with others, in each kind of features. */
function floorsOf(evaluations: readonly Row[]): string {
  const sentences = evaluations.map(
    ({ samples, features, fidFloor, kidFloor }) =>
      `In the features of ${features}, ${samples.toLocaleString("en")} real pictures are from the others at FID ${told(fidFloor)}, KID ${told(kidFloor)}.`,
  );
  return [...new Set(sentences)].join(" ");
}

/** In one piece; a dash for what was not measured. */
const told = (measured: Estimate | undefined): string => (measured ? rounded(measured).replaceAll(" ", "\u00a0").replace("-", "−") : "–");
