import { type ScheduleName, schedule, scheduleNames } from "@ddpm/core";
import { type Command, Option } from "commander";
import { prepareFolderOf, writeAtomically } from "../files.ts";
import { count } from "../options.ts";

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
    .description("Write the constants of a noise schedule as JSON arrays over t")
    .addOption(new Option("--schedule <name>", "which schedule").choices(scheduleNames).default("linear"))
    .addOption(new Option("--timesteps <n>", "length T").argParser(count).default(600))
    .requiredOption("--out <file>", "JSON file to write")
    .action(async ({ schedule: name, timesteps, out }: { schedule: ScheduleName; timesteps: number; out: string }) => {
      await prepareFolderOf(out);
      const constants = schedule(name, timesteps);
      await writeAtomically(out, `${JSON.stringify(Object.fromEntries(written.map((key) => [key, [...constants[key]]])))}\n`);
      process.stdout.write(`Wrote ${name} over ${timesteps} timesteps: ${out}\n`);
    });
}
