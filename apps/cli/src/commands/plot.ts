import { stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import type { Command } from "commander";
import { prepareFile, writeFigure } from "../figure-file.ts";
import { Losses, lossFigure } from "../loss-figure.ts";
import { UsageError } from "../usage-error.ts";

export function plotCommand(program: Command): void {
  program
    .command("plot")
    .description("Draw the losses of one training run, or of several to compare")
    .argument("<runs...>", "run folders, or log.jsonl files")
    .option("--out <file>", "figure.svg or .png (loss.svg in the folder of a single run)")
    .action(plot);
}

async function plot(runs: readonly string[], options: { readonly out?: string }): Promise<void> {
  const logs = await Promise.all(runs.map(logOf));
  const out = options.out ?? standardOut(runs, logs);
  await prepareFile("--out", out);
  const losses: Losses[] = [];
  for (const [i, log] of logs.entries()) losses.push(await Losses.read(log, nameOf(runs, i)));
  const empty = losses.findIndex(({ all }) => all.last === 0);
  if (empty >= 0)
    throw new SyntaxError(`${logs[empty]}: Expected steps with their losses but found none; choose the log.jsonl of a run that has made a step`);
  await writeFigure(out, await lossFigure(losses));
  process.stdout.write(`Drew the losses of ${runs.join(", ")}: ${out}\n`);
}

/** The log of a run folder, or the file itself. Throws where there is neither. */
async function logOf(run: string): Promise<string> {
  for (const path of [join(run, "log.jsonl"), run]) if (await isFile(path)) return path;
  throw new Error(`Expected a run folder with a log.jsonl at ${run} but found none; choose the --out of a training that has made a step`);
}

const isFile = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isFile(),
    () => false,
  );

function standardOut(runs: readonly string[], [log]: readonly string[]): string {
  if (runs.length === 1 && log !== runs[0]) return join(runs[0]!, "loss.svg");
  throw new UsageError("Expected --out with a figure.svg or .png but found none; add it: only that of a single run folder has a place of its own");
}

/** A run's folder without the way to it, in whole where another run is called the same. */
function nameOf(runs: readonly string[], i: number): string {
  const names = runs.map((run) => basename(resolve(run)));
  return names.filter((name) => name === names[i]).length > 1 ? runs[i]! : names[i]!;
}
