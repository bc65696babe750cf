import { cpus, loadavg, release, totalmem } from "node:os";
import type { Result } from "./measure.ts";
import { type Section, warmup } from "./sections.ts";

/** The value below which a part q of the values lies, interpolated. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = q * (sorted.length - 1);
  const low = sorted[Math.floor(at)] as number;
  return low + (at - Math.floor(at)) * ((sorted[Math.ceil(at)] as number) - low);
}

export const median = (values: readonly number[]): number => quantile(values, 0.5);

/** The median over rounds of theirs / ours, each from the same seconds. */
export function pairedRatio(theirs: readonly number[], ours: readonly number[]): number {
  return median(theirs.map((value, round) => value / (ours[round] as number)));
}

export type Machine = Readonly<Record<string, string>>;

/** Where and when this runs, for the head of the report. */
export function machine(): Machine {
  const [cpu, ...others] = cpus();
  return {
    Date: new Date().toISOString().slice(0, 10),
    CPU: `${cpu?.model.trim()}, ${others.length + 1} cores`,
    Memory: `${(totalmem() / 2 ** 30).toFixed(0)} GiB`,
    Linux: release(),
    "Load at the start": (loadavg()[0] as number).toFixed(2),
    Node: process.versions.node,
  };
}

/** The head of the report: one line of facts. */
export function head(facts: Machine): string {
  const listed = Object.entries(facts).map(([name, value]) => `${name} ${value}`);
  return `${listed.join(" · ")}\n`;
}

/** One section as a Markdown table. */
export function table(section: Section, { measured, skipped }: Result, base: string): string {
  const memory = section.measure === "memory";
  const rates = section.measure === "warm";
  const ours = measured.find(({ contender }) => contender === base)?.values;
  const show = memory ? mebibytes : seconds;
  const rows = measured.map(({ contender, values }) => {
    const quartiles = `${show(quantile(values, 0.25))} – ${show(quantile(values, 0.75))}`;
    const rate = rates ? [(section.images / median(values)).toFixed(1)] : [];
    return [contender, show(median(values)), quartiles, ...rate, ratio(values, ours)];
  });
  const unit = rates ? ["images/s"] : [];
  const header = ["", "median", "quartiles", ...unit, `÷ ${base}`];
  return [
    `### ${section.title}`,
    "",
    describe(section, measured[0]?.values.length ?? 0),
    "",
    markdown(header, rows),
    ...skipped.map((note) => `\n${note}`),
    "",
  ].join("\n");
}

/** A Markdown table whose first column is text and whose others are figures. */
export function markdown(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const rule = header.map((_, i) => (i === 0 ? "---" : "--:"));
  return [header, rule, ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function describe({ measure, note }: Section, rounds: number): string {
  const thrown = measure === "warm" ? `, after ${warmup} thrown away each` : "";
  return `${rounds} interleaved rounds${thrown}. ${note}`.trim();
}

const ratio = (values: readonly number[], ours?: readonly number[]) =>
  ours === undefined ? "–" : values === ours ? "1" : `${pairedRatio(values, ours).toFixed(2)}×`;
const mebibytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(0)} MiB`;
/** A duration, as `12.3 ms` or `1.23 s`. */
export const seconds = (value: number) => (value < 1 ? `${(value * 1e3).toPrecision(3)} ms` : `${value.toFixed(2)} s`);
