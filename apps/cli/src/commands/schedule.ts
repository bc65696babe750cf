import { extname } from "node:path";
import { configure, configWarnings, type Schedule, type ScheduleName, schedule } from "@ddpm/core";
import { type Command, Option } from "commander";
import { figureEndings, prepareFile, writeFigure } from "../figure-file.ts";
import { writeAtomically } from "../files.ts";
import { count, scheduleOption } from "../options.ts";
import { scheduleFigure } from "../schedule-figure.ts";

interface Options {
  readonly schedule: readonly ScheduleName[];
  readonly timesteps: number;
  readonly out: string;
}

type Schedules = ReadonlyMap<ScheduleName, Schedule>;

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
  program
    .command("schedule")
    .description("Write the constants of noise schedules over t: as JSON arrays, or as a figure")
    .addOption(scheduleOption())
    .addOption(new Option("--timesteps <n>", "length T").argParser(count).default(600))
    .requiredOption("--out <file>", "file.json, by schedule where there are several, or figure.svg or .png")
    .action(writeSchedules);
}

async function writeSchedules({ schedule: names, timesteps, out }: Options): Promise<void> {
  await prepareFile("--out", out, ["", ".json", ...figureEndings]);
  const schedules: Schedules = new Map(names.map((name) => [name, schedule(name, timesteps)]));
  if (["", ".json"].includes(extname(out))) await writeAtomically(out, json(schedules));
  else await writeFigure(out, await scheduleFigure(schedules, timesteps));
  const configs = names.map((name) => configure({ "diffusion.schedule": name, "diffusion.timesteps": timesteps }));
  for (const warning of configs.flatMap(configWarnings)) process.stderr.write(`${warning}\n`);
  process.stdout.write(`Wrote ${names.join(", ")} over ${timesteps} timesteps: ${out}\n`);
}

function json(schedules: Schedules): string {
  const byName = [...schedules].map(([name, constants]) => [name, Object.fromEntries(written.map((key) => [key, [...constants[key]]]))] as const);
  return `${JSON.stringify(byName.length > 1 ? Object.fromEntries(byName) : byName[0]![1])}\n`;
}
