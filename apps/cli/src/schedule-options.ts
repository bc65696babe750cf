/** The flags that say which noise schedules to show, and what they ask for. */
import { type Config, configure } from "@ddpm/core";
import { type ConfigKey, scheduleFor } from "@ddpm/core/config";
import { type Schedule, type ScheduleName, scheduleNames } from "@ddpm/core/diffusion";
import { type Command, InvalidArgumentError, Option } from "commander";
import { configOf, configOptions, parserOf } from "./options.ts";
import { usage } from "./usage-error.ts";

/** What the flags of `scheduleOptions` say, besides configuration keys. */
export interface ScheduleFlags {
  readonly schedule: readonly ScheduleName[];
  readonly timesteps?: number;
}

/** A schedule to show. */
export interface Shown {
  readonly name: ScheduleName;
  /** What figures call it. */
  readonly label: string;
  readonly config: Config;
  readonly constants: Schedule;
}

const standard: readonly ScheduleName[] = ["linear"];

const isKey = (key: ConfigKey): boolean => key === "diffusion.timesteps" || key === "diffusion.zeroTerminalSnr";

/** Adds the flags: schedules by name (repeated, with commas, or all), their length and whether they are rescaled; and a flag for each of `others`. */
export function scheduleOptions(command: Command, others: readonly ConfigKey[] = []): Command {
  command
    .addOption(
      new Option("--schedule <names>", `which ones, with commas, or all: ${scheduleNames.join(", ")}`)
        .argParser(names)
        .default(standard, standard.join()),
    )
    .addOption(
      new Option("--timesteps <n>", "short for --diffusion.timesteps").argParser(parserOf("diffusion.timesteps")).conflicts("diffusion.timesteps"),
    );
  return configOptions(command, (key) => isKey(key) || others.includes(key));
}

/** The schedules that flags ask for. Throws a UsageError for one that cannot have so many timesteps. */
export function schedulesOf({ schedule, timesteps, ...flags }: ScheduleFlags): Shown[] {
  const keys = { ...configOf(flags), ...(timesteps !== undefined && { "diffusion.timesteps": timesteps }) };
  const rescaled = keys["diffusion.zeroTerminalSnr"] === true;
  return schedule.map((name) => {
    // The objective only so that a rescaled schedule is allowed
    const config = usage(() => configure(keys, { "diffusion.schedule": name, "diffusion.objective": "v" }));
    return { name, label: rescaled ? `rescaled ${name}` : name, config, constants: scheduleFor(config) };
  });
}

/** The names in `text` after those of the flags before it. */
function names(text: string, before: readonly ScheduleName[]): readonly ScheduleName[] {
  const found = text === "all" ? scheduleNames : text.split(",");
  const unknown = found.find((name) => !scheduleNames.includes(name as ScheduleName));
  if (unknown !== undefined) throw new InvalidArgumentError(`Expected all or schedules among ${scheduleNames.join(", ")} but found ${unknown}`);
  return [...new Set([...(before === standard ? [] : before), ...(found as readonly ScheduleName[])])];
}
