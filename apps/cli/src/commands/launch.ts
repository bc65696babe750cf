import { resolve } from "node:path";
import { askDriver, cardCount } from "@ddpm/backend-node";
import type { Command } from "commander";
import { Interrupted } from "../interrupt.ts";
import { count } from "../options.ts";
import { RunFolder } from "../run-folder.ts";
import { say } from "../say.ts";
import { UsageError } from "../usage-error.ts";
import { freeAddresses, refusalToSeal, sealed, sealWith } from "../workers/network.ts";
import { runWorkers } from "../workers/run-workers.ts";

interface Options {
  readonly workers?: number;
  readonly maxRestarts: number;
  readonly listen?: true;
}

const explanation = `
Runs a command as several workers of this machine, each with a share of every step's images: they train the run that one would, up to float rounding.
Worker 0 shows and writes everything; what the others say is in OUT/workers. Ctrl-C saves and ends all of them.

  npx ddpm launch --workers 2 train --data shapes --out runs/shapes
  npx ddpm launch --max-restarts 3 train --data fashion-mnist --epochs 5 --out runs/fashion

On several machines start the command itself on each, by what sets TF_CONFIG or with srun: see docs/SCALING.md.`;

export function launchCommand(program: Command): void {
  program
    .command("launch")
    .description("Train with several workers of this machine, one for each GPU")
    .argument("<command...>", "train and its options")
    .option("--workers <n>", "processes (one for each GPU)", count)
    .option(
      "--max-restarts <n>",
      "how often to go on from the last checkpoint when a worker has failed",
      (text) => (text === "0" ? 0 : count(text)),
      0,
    )
    .option("--listen", "let the workers listen on this machine's network, where anyone can reach them, if the system gives them none of their own")
    .passThroughOptions()
    .addHelpText("after", explanation)
    .action(launch);
}

async function launch(command: string[], { workers = cardCount(askDriver()), maxRestarts, listen }: Options): Promise<void> {
  if (command[0] !== "train")
    throw new UsageError(`Expected train after launch's own options but found ${command[0]}; what else there is runs alone`);
  if (workers === 0) throw new UsageError("Expected --workers with a number of processes, since there is no GPU here, but found none; add it");
  const out = outOf(command);
  if (!sealed()) {
    const refusal = refusalToSeal();
    if (refusal === undefined) return sealWith(process.argv);
    if (!listen)
      throw new UsageError(
        `Expected a network of their own for the workers, who would answer anyone in this machine's, but found ${refusal}; allow it, or add --listen`,
      );
  }
  const folder = new RunFolder(resolve(out));
  for (let restarts = 0; ; restarts++) {
    const resume = restarts > 0 && (await folder.exists()) && !command.includes("--resume");
    const failure = await runWorkers([...command, ...(resume ? ["--resume"] : [])], {
      addresses: await freeAddresses(workers),
      logs: folder.file("workers"),
    });
    if (!failure) return;
    if (failure.signal) throw new Interrupted("Ended as asked", failure.signal);
    if (restarts === maxRestarts)
      throw new Error(
        `Expected all ${workers} workers to finish but found that ${failure.message}; go on with --resume, or let it with --max-restarts`,
      );
    say(`Starting all workers again, since ${failure.message}: ${maxRestarts - restarts - 1} times more are left`);
  }
}

/** The run folder of a train command. */
function outOf(command: readonly string[]): string {
  const at = command.findIndex((word) => word === "--out" || word.startsWith("--out="));
  const out = at < 0 ? undefined : command[at]!.startsWith("--out=") ? command[at]!.slice("--out=".length) : command[at + 1];
  if (!out) throw new UsageError("Expected --out with the run's folder after train but found none; add it");
  return out;
}
