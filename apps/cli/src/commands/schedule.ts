import { extname } from "node:path";
import { configWarnings } from "@ddpm/core/config";
import type { Command } from "commander";
import { figureEndings, prepareFile, writeFigure } from "../figure-file.ts";
import { writeAtomically } from "../files.ts";
import { scheduleFigure } from "../schedule-figure.ts";
import { type ScheduleFlags, type Shown, scheduleOptions, schedulesOf } from "../schedule-options.ts";

interface Options extends ScheduleFlags {
  readonly out: string;
}

const written = [
  "betas",
  "alphas",
  "alphasCumprod",
  "alphasCumprodPrev",
  "sqrtRecipAlphas",
  "sqrtAlphasCumprod",
  "sqrtOneMinusAlphasCumprod",
  "posteriorVariance",
] as const;

export function scheduleCommand(program: Command): void {
  const command = program
    .command("schedule")
    .description("Write the constants of noise schedules over t: as JSON arrays, or as a figure")
    .requiredOption("--out <file>", "file.json, by schedule where there are several, or figure.svg or .png; null in JSON is infinite")
    .action(writeSchedules);
  scheduleOptions(command);
}

async function writeSchedules({ out, ...flags }: Options): Promise<void> {
  await prepareFile("--out", out, ["", ".json", ...figureEndings]);
  const schedules = schedulesOf(flags);
  const { "diffusion.timesteps": timesteps } = schedules[0]!.config;
  const labelled = new Map(schedules.map(({ label, constants }) => [label, constants]));
  if (["", ".json"].includes(extname(out))) await writeAtomically(out, json(schedules));
  else await writeFigure(out, await scheduleFigure(labelled, timesteps));
  for (const warning of schedules.flatMap(({ config }) => configWarnings(config))) process.stderr.write(`${warning}\n`);
  process.stdout.write(`Wrote ${[...labelled.keys()].join(", ")} over ${timesteps} timesteps: ${out}\n`);
}

function json(schedules: readonly Shown[]): string {
  const byName = schedules.map(({ name, constants }) => [name, Object.fromEntries(written.map((key) => [key, [...constants[key]]]))] as const);
  return `${JSON.stringify(byName.length > 1 ? Object.fromEntries(byName) : byName[0]![1])}\n`;
}
