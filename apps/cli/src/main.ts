import { exitNow, WorkersParted } from "@ddpm/backend-node";
import { Command } from "commander";
import { classifierCommand } from "./commands/classifier.ts";
import { convertCommand } from "./commands/convert.ts";
import { dataCommand } from "./commands/data.ts";
import { denoiseCommand } from "./commands/denoise.ts";
import { doctorCommand } from "./commands/doctor.ts";
import { evaluateCommand } from "./commands/evaluate.ts";
import { forwardCommand } from "./commands/forward.ts";
import { inspectCommand } from "./commands/inspect.ts";
import { interpolateCommand } from "./commands/interpolate.ts";
import { invertCommand } from "./commands/invert.ts";
import { launchCommand } from "./commands/launch.ts";
import { playgroundCommand } from "./commands/playground.ts";
import { plotCommand } from "./commands/plot.ts";
import { sampleCommand } from "./commands/sample.ts";
import { scheduleCommand } from "./commands/schedule.ts";
import { setupCommand } from "./commands/setup.ts";
import { trainCommand } from "./commands/train.ts";
import { complaintOf } from "./complaint.ts";
import { version } from "./version.ts";

const commands = [
  setupCommand,
  doctorCommand,
  dataCommand,
  trainCommand,
  launchCommand,
  sampleCommand,
  invertCommand,
  interpolateCommand,
  evaluateCommand,
  classifierCommand,
  playgroundCommand,
  denoiseCommand,
  scheduleCommand,
  forwardCommand,
  plotCommand,
  inspectCommand,
  convertCommand,
];

/** Runs the command line and returns the exit code: 0 success, 1 failure, 2 wrong usage, 130 after Ctrl-C, 143 after SIGTERM. */
export async function main(args: readonly string[]): Promise<number> {
  const program = new Command("ddpm")
    .description("Train and sample denoising diffusion models (DDPM). Start with: ddpm setup, ddpm train --data shapes --out runs/shapes")
    .version(version)
    .enablePositionalOptions()
    .exitOverride()
    .showHelpAfterError("(add --help for the options)");
  for (const add of commands) add(program);
  try {
    await program.parseAsync(args, { from: "user" });
    return 0;
  } catch (error) {
    const { text, code } = complaintOf(error);
    process.stderr.write(text);
    if (error instanceof WorkersParted) exitNow(code);
    return code;
  }
}

/** Tells of what is thrown outside of `main` as of the rest, and ends quietly where nobody reads on, as `head` does. */
export function watchFaults(): void {
  for (const stream of [process.stdout, process.stderr])
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EPIPE") process.exit();
      throw error;
    });
  process.on("uncaughtException", (error) => {
    const { text, code } = complaintOf(error);
    process.stderr.write(text);
    process.exit(code);
  });
}
