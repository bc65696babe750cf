import { markdown, median, pairedRatio, quantile, seconds } from "../report.ts";
import { type ContenderKey, contenders } from "./contenders.ts";
import { during, type Measured, type Result, turns, warmup } from "./rounds.ts";

/** The result as two Markdown tables: durations, and what stands behind them. */
export function tables({ measured, skipped }: Result, rounds: number): string {
  const rows = [...measured];
  return [
    "### Forward passes in the browser",
    "",
    `${rounds} rounds. First image: from code and weights in memory to the image read back, in a fresh browser each round. One and four images: ${turns} interleaved turns a round, after ${warmup} thrown away, each the mean of the passes of ${during} s. In brackets the quartiles; ÷ plain: the median over turns of (this ÷ plain tfjs on the same device), below 1 is faster.`,
    "",
    markdown(
      ["", "first image", "÷ plain", "one image", "÷ plain", "four images", "÷ plain"],
      rows.map(([key, record]) => [contenders[key].name, ...durations(key, record, measured)]),
    ),
    "",
    markdown(
      ["", "draws", "programs", "more for four", "textures after one", "after four", "threads", "difference"],
      rows.map(([key, record]) => [contenders[key].name, ...workload(record)]),
    ),
    "",
    "Draws of a later pass of one image; programs linked up to the first image, and more at the first batch of four; texture memory alive after each; threads of WebAssembly; greatest difference to float64 relative to its largest value.",
    ...skipped.map((note) => `\n${note}`),
    "",
  ].join("\n");
}

function durations(key: ContenderKey, record: Measured, measured: Result["measured"]): string[] {
  const plain = contenders[key].plain;
  const base = measured.get(plain);
  return (["first", "one", "four"] as const).flatMap((what) => [spread(record[what]), key === plain ? "1" : ratio(record[what], base?.[what])]);
}

const spread = (values: readonly number[]): string =>
  `${seconds(median(values))} (${seconds(quantile(values, 0.25))} – ${seconds(quantile(values, 0.75))})`;
const ratio = (values: readonly number[], plain?: readonly number[]): string => (plain ? `${pairedRatio(values, plain).toFixed(2)}×` : "–");

function workload({ begun, later, differences }: Measured): string[] {
  const difference = Math.max(...differences).toExponential(1);
  const threads = String(begun!.one.threads ?? "–");
  if (begun!.one.links === 0) return ["–", "–", "–", "–", "–", threads, difference];
  const { one, four } = begun!;
  return [later!.draws, one.links, four.links, ...[one, four].map(({ textureBytes }) => mebibytes(textureBytes)), threads, difference].map(String);
}

const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
