import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { type Command, InvalidArgumentError, Option } from "commander";
import { type Pixels, shrunk } from "../data/decode.ts";
import { evenNumbers } from "../even-numbers.ts";
import { prepareFile, writeFigure } from "../figure-file.ts";
import { forwardFigure } from "../forward-figure.ts";
import { unreadable } from "../missing-file.ts";
import { type ScheduleFlags, scheduleOptions, schedulesOf } from "../schedule-options.ts";
import { UsageError } from "../usage-error.ts";

interface Options extends ScheduleFlags {
  readonly image: string;
  readonly t?: readonly number[];
  readonly out: string;
}

/** Columns where none are asked for, and at most. */
const [usual, most] = [8, 50] as const;

export function forwardCommand(program: Command): void {
  const command = program
    .command("forward")
    .description("Draw how an image drowns in noise: a row for each schedule, a column for each timestep")
    .requiredOption("--image <file>", "PNG, JPEG, WebP, …; white shows through where it is transparent")
    .addOption(new Option("--t <list>", `timesteps from 0 to T - 1, with commas (${usual} evenly over all)`).argParser(timesteps))
    .requiredOption("--out <file>", "figure.png or .svg")
    .action(forward);
  scheduleOptions(command, ["seed"]);
}

async function forward({ image: path, t, out, ...flags }: Options): Promise<void> {
  await prepareFile("--out", out);
  const shown = schedulesOf(flags);
  const { "diffusion.timesteps": timesteps, seed } = shown[0]!.config;
  const ts = t ?? evenNumbers(0, timesteps - 1, usual);
  const beyond = ts.find((t) => t >= timesteps);
  if (beyond !== undefined)
    throw new UsageError(`Expected --t below ${timesteps} but found ${beyond}; choose smaller ones or a larger --diffusion.timesteps`);
  const image = await imageAt(path, sideOf(ts.length));
  const schedules = new Map(shown.map(({ label, constants }) => [label, constants]));
  await writeFigure(out, await forwardFigure({ image, name: basename(path), schedules, timesteps, ts, seed }), { scale: 1 });
  process.stdout.write(`Drew ${basename(path)} at ${ts.length} timesteps of ${[...schedules.keys()].join(", ")}: ${out}\n`);
}

/** Pixels of a picture's longer side at most, so that a figure is some 1600 wide. */
const sideOf = (columns: number): number => Math.min(Math.max(Math.floor(1600 / columns), 64), 512);

async function imageAt(path: string, most: number): Promise<Pixels> {
  const file = await readFile(path).catch((cause: NodeJS.ErrnoException) => {
    const { found, advice } = unreadable(path, cause, "choose a PNG, JPEG or WebP file");
    throw new Error(`Expected an image to noise at ${path} but found ${found}; ${advice}`, { cause });
  });
  return shrunk(file, most).catch((cause: Error) => {
    throw new SyntaxError(`${path}: Expected an image to noise but found ${cause.message}; choose a PNG, JPEG or WebP file`, { cause });
  });
}

function timesteps(text: string): number[] {
  const ts = text.split(",").map((t) => (t.trim() === "" ? Number.NaN : Number(t)));
  if (ts.length > most || !ts.every((t) => Number.isInteger(t) && t >= 0))
    throw new InvalidArgumentError(`Expected up to ${most} timesteps from 0 such as 0,100,200`);
  return ts;
}
