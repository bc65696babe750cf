/** How good our models are, as `ddpm evaluate` found: data/quality.json, a list of evaluations, as a table of the page on numbers. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { MarkdownIt } from "./markdown.ts";
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
      return state.md.parse(tableOf(found), state.env).filter(({ type }) => type !== "front_matter");
    });
  });
}

/** Evaluations as a table in Markdown. */
export function tableOf(evaluations: readonly Evaluation[]): string {
  if (evaluations.length === 0) return "_No evaluation is written down yet in `docs/data/quality.json`._";
  const head = ["model", "drawn by", "pictures", "features", "FID", "of real ones", "KID", "of real ones", "bits a dimension"];
  const rows = evaluations.map(({ model, weights, sampler, steps, samples, features, fid, fidFloor, kid, kidFloor, bitsPerDim }) => [
    `${model}, ${weights}`,
    `${sampler}, ${steps} calls`,
    samples.toLocaleString("en"),
    features,
    ...[fid, fidFloor, kid, kidFloor, bitsPerDim].map(told),
  ]);
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

/** As many digits as the error leaves. */
function told(measured: Measured | undefined): string {
  if (!measured) return "–";
  const { value, error } = measured;
  if (!error) return value.toPrecision(3);
  const digits = Math.max(0, 1 - Math.floor(Math.log10(error)));
  return `${value.toFixed(digits)} ± ${error.toFixed(digits)}`;
}
