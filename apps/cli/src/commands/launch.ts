import { extname, join, resolve } from "node:path";
import { freeAddresses } from "@ddpm/backend-node";
import type { Command } from "commander";
import { Interrupted } from "../interrupt.ts";
import { count } from "../options.ts";
import { RunFolder } from "../run-folder.ts";
import { say } from "../say.ts";
import { UsageError } from "../usage-error.ts";
import { refusalToSeal, sealed, sealWith } from "../workers/network.ts";
import { runWorkers } from "../workers/run-workers.ts";
import { refuseSharedGpus, visibleGpus } from "../workers/worker.ts";

interface Options {
  readonly workers?: number;
  readonly maxRestarts: number;
  readonly listen?: true;
}

const explanation = `
Runs a command as several workers of this machine, each with its share of the work: they train the run that one would, and draw its pictures, up to float
rounding. Worker 0 shows and writes everything; what the others say is in a folder named at the start. Ctrl-C ends all of them; training saves first.

  npx ddpm launch --workers 2 train --data shapes --out runs/shapes
  npx ddpm launch --max-restarts 3 train --data fashion-mnist --epochs 5 --out runs/fashion
  npx ddpm launch --workers 2 sample --checkpoint runs/shapes --count 1000 --out pictures
  npx ddpm launch --workers 2 evaluate --checkpoint runs/shapes --samples 50000

On several machines start the command itself on each, by what sets TF_CONFIG or with srun: see docs/SCALING.md.`;

export function launchCommand(program: Command): void {
  program
    .command("launch")
    .description("Train, draw or evaluate with several workers of this machine, one for each GPU")
    .argument("<command...>", "train, sample or evaluate and its options")
    .option("--workers <n>", "processes (one for each GPU)", count)
    .option(
      "--max-restarts <n>",
      "how often to go on, from the last checkpoint or the pictures drawn, when a worker has failed",
      (text) => (text === "0" ? 0 : count(text)),
      0,
    )
    .option("--listen", "let the workers listen on this machine's network, where anyone can reach them, if the system gives them none of their own")
    .passThroughOptions()
    .addHelpText("after", explanation)
    .action(launch);
}

async function launch(command: string[], { workers: asked, maxRestarts, listen }: Options): Promise<void> {
  const shared = oneOfShared(command[0]);
  const gpus = optionOf(command, "--device") === "tensorflow:cpu" ? [] : visibleGpus(process.env);
  const workers = asked ?? gpus.length;
  if (workers === 0)
    throw new UsageError("Expected --workers with a number of processes, which is otherwise that of the GPUs, but found no GPU; add it");
  if (gpus.length > 0) refuseSharedGpus(workers, gpus);
  if (maxRestarts > 0 && shared.again === undefined)
    throw new UsageError(
      `Expected --max-restarts with a command that goes on where it was stopped, train or evaluate, but found ${command[0]}; leave it out`,
    );
  const logs = resolve(shared.logs(command));
  if (!sealed()) {
    const refusal = refusalToSeal();
    if (refusal === undefined) return sealWith(process.argv);
    if (!listen)
      throw new UsageError(
        `Expected a network of their own for the workers, who would answer anyone in this machine's, but found ${refusal}; allow it, or add --listen`,
      );
  }
  if (workers > 1) say(`What workers after the first say is in ${logs}`);
  for (let restarts = 0; ; restarts++) {
    const more = restarts > 0 ? await shared.again!(command) : [];
    const failure = await runWorkers([...command, ...more], { addresses: await freeAddresses(workers), logs });
    if (!failure) return;
    if (failure.signal) throw new Interrupted("Ended as asked", failure.signal);
    if (restarts === maxRestarts || failure.misused)
      throw new Error(`Expected all ${workers} workers to finish but found that ${failure.message}; ${shared.advice}`);
    say(`Starting all workers again, since ${failure.message}: ${maxRestarts - restarts - 1} times more are left`);
  }
}

/** A command that workers share. */
interface Shared {
  /** The folder for what workers after the first say. Throws a UsageError where the command does not say where it writes. */
  readonly logs: (command: readonly string[]) => string;
  /** What to add to the command for it to go on where it was stopped; left out where it begins anew. */
  readonly again?: (command: readonly string[]) => Promise<readonly string[]>;
  /** What to do after a failure. */
  readonly advice: string;
}

const sharedCommands: { readonly [command: string]: Shared } = {
  train: {
    logs: (command) => join(needed(command, "--out", "the run's folder"), "workers"),
    again: async (command) => {
      const begun = await new RunFolder(resolve(needed(command, "--out", "the run's folder"))).exists();
      return begun && !command.includes("--resume") ? ["--resume"] : [];
    },
    advice: "go on with --resume, or let it with --max-restarts",
  },
  sample: {
    logs: (command) => `${withoutEnding(needed(command, "--out", "what to write"))}-workers`,
    advice: "start it again",
  },
  evaluate: {
    logs: (command) => join(optionOf(command, "--out") ?? besideCheckpoint(needed(command, "--checkpoint", "a model")), "workers"),
    again: async () => [],
    advice: "start it again, and it goes on from there, or let it with --max-restarts",
  },
};

function oneOfShared(name: string | undefined): Shared {
  if (name !== undefined && Object.hasOwn(sharedCommands, name)) return sharedCommands[name]!;
  throw new UsageError(
    `Expected ${Object.keys(sharedCommands).join(", ")} after launch's own options but found ${name}; what else there is runs alone`,
  );
}

const withoutEnding = (path: string): string => path.slice(0, path.length - extname(path).length).replace(/\/+$/, "");

/** A run's own folder for evaluations, or one beside a file. */
const besideCheckpoint = (checkpoint: string): string =>
  extname(checkpoint) === "" ? join(checkpoint, "evaluation") : `${withoutEnding(checkpoint)}-evaluation`;

/** The value of a command's option, if it has it. */
function optionOf(command: readonly string[], flag: string): string | undefined {
  const at = command.findIndex((word) => word === flag || word.startsWith(`${flag}=`));
  return at < 0 ? undefined : command[at]!.startsWith(`${flag}=`) ? command[at]!.slice(flag.length + 1) : command[at + 1];
}

function needed(command: readonly string[], flag: string, what: string): string {
  const value = optionOf(command, flag);
  if (!value) throw new UsageError(`Expected ${flag} with ${what} after ${command[0]}, beside which workers log, but found none; add it`);
  return value;
}
