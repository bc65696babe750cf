/** The workers of one machine as processes. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { makeFolder } from "../files.ts";

/** Seconds that workers have to end by themselves once one of them has failed. */
const grace = 10;

/** Why not all workers finished. */
export interface Failure {
  readonly message: string;
  /** The signal that asked for the end, if one did. */
  readonly signal: "SIGINT" | "SIGTERM" | undefined;
  /** Whether a worker refused its options, which it would again. */
  readonly misused: boolean;
}

/** Where workers meet, and the folder for what those after the first say. */
export interface Meeting {
  readonly addresses: readonly string[];
  readonly logs: string;
}

/** Runs a command as one worker for each address and waits until all have ended; undefined where all succeeded. */
export async function runWorkers(command: readonly string[], { addresses, logs }: Meeting): Promise<Failure | undefined> {
  await makeFolder(logs);
  const workers = await Promise.all(addresses.map((_, rank) => start(command, { rank, addresses, log: join(logs, `worker-${rank}.log`) })));
  let asked: Failure["signal"];
  // The terminal tells the workers too
  const heard = (): void => {
    asked ??= "SIGINT";
  };
  const forward = (): void => {
    asked ??= "SIGTERM";
    workers[0]!.kill("SIGTERM");
  };
  process.on("SIGINT", heard).on("SIGTERM", forward);
  const failed: { readonly rank: number; readonly how: string; readonly code: number | null }[] = [];
  const exits = workers.map(async (worker, rank) => {
    const [code, signal] = (await once(worker, "exit")) as [number | null, NodeJS.Signals | null];
    if (code === 0) return;
    failed.push({ rank, how: signal ? `was ended by ${signal}` : `ended with code ${code}`, code });
    await sleep(1000 * grace, undefined, { ref: false });
    for (const other of workers) other.kill("SIGKILL");
  });
  await Promise.race([Promise.all(exits), allEnded(workers)]);
  process.off("SIGINT", heard).off("SIGTERM", forward);
  const first = failed[0];
  if (!first) return undefined;
  const message = `worker ${first.rank} ${first.how}${first.rank > 0 ? `: see ${join(logs, `worker-${first.rank}.log`)}` : ""}`;
  const endOfFirst = failed.find(({ rank }) => rank === 0)?.code;
  const signal = asked ?? (endOfFirst === 130 ? "SIGINT" : endOfFirst === 143 ? "SIGTERM" : undefined);
  return { message, signal, misused: failed.some(({ code }) => code === 2) };
}

const allEnded = (workers: readonly ChildProcess[]): Promise<unknown> =>
  Promise.all(workers.map((worker) => (worker.exitCode === null && worker.signalCode === null ? once(worker, "exit") : undefined)));

async function start(command: readonly string[], { rank, addresses, log }: { rank: number; addresses: readonly string[]; log: string }) {
  const task = { cluster: { worker: addresses }, task: { type: "worker", index: rank } };
  const env = { ...process.env, TF_CONFIG: JSON.stringify(task) };
  const program = [...process.execArgv, process.argv[1]!, ...command];
  if (rank === 0) return spawn(process.execPath, program, { env, stdio: "inherit" });
  const file = await open(log, "a");
  try {
    return spawn(process.execPath, program, { env, stdio: ["ignore", file.fd, file.fd] });
  } finally {
    await file.close();
  }
}
