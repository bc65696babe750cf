/** How good our models are, as `ddpm evaluate` found: data/quality.json, a list of evaluations, as a table of the page on numbers. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { MarkdownIt, Token } from "./markdown.ts";
import { root } from "./repository.ts";

/** A number and how far it may be off by chance: one standard error. */
interface Measured {
  readonly value: number;
  readonly error?: number;
}

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

const file = join(root, "docs/data/quality.json");

/** Makes a fence `quality` the table of what is written down, or says that nothing is. */
export function quality(md: MarkdownIt): void {
  md.core.ruler.after("block", "quality", (state) => {
    state.tokens = state.tokens.flatMap((token) => {
      if (token.type !== "fence" || token.info !== "quality") return [token];
      const found = existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as Evaluation[]) : [];
      const tokens: Token[] = [];
      state.md.block.parse(qualityOf(found), state.md, state.env, tokens); // what stands within the cells is read with the rest of the page
      return tokens;
    });
  });
}

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
  const marks = head.map((_, i) => (i < 2 ? "---" : "---:"));
  const table = [head, marks, ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
  return `${table}\n\n${floorsOf(evaluations)}`;
}

/** A sentence for each number of real pictures that were compared with others, in each kind of features. */
function floorsOf(evaluations: readonly Evaluation[]): string {
  const sentences = evaluations.map(
    ({ samples, features, fidFloor, kidFloor }) =>
      `In the features of ${features}, ${samples.toLocaleString("en")} real pictures are from the others at FID ${told(fidFloor)}, KID ${told(kidFloor)}.`,
  );
  return [...new Set(sentences)].join(" ");
}

/** As many digits as the error leaves, in one piece. */
function told(measured: Measured | undefined): string {
  if (!measured) return "–";
  const { value, error } = measured;
  if (!error) return value.toPrecision(3);
  const digits = Math.max(0, 1 - Math.floor(Math.log10(error)));
  return `${value.toFixed(digits)} ± ${error.toFixed(digits)}`.replaceAll(" ", "\u00a0").replace("-", "−");
}
