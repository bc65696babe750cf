/** A process as one of several workers. */
import { availableParallelism } from "node:os";
import { askDriver, type ClusterPlan, cardCount, type Patience } from "@ddpm/backend-node";
import { say } from "../say.ts";
import { UsageError } from "../usage-error.ts";
import { sealed } from "./network.ts";
import { type Environment, placement } from "./placement.ts";

/** Seconds that workers wait for each other. */
const patience = { start: 600, silence: 30 };

/** What a process needs to know as a worker. */
export interface Worker {
  readonly plan: ClusterPlan;
  readonly patience: Patience;
  /** Its share of the cores of this machine. */
  readonly cores: number;
}

/** Whether a process writes what comes out: the first worker, or the only one. */
export const writes = (worker: Worker | undefined): boolean => (worker?.plan.rank ?? 0) === 0;

/** The GPUs that a process may use, by what CUDA_VISIBLE_DEVICES names, else all that the driver has. */
export const visibleGpus = (env: Environment): string[] =>
  env["CUDA_VISIBLE_DEVICES"]?.split(",").filter((gpu) => gpu !== "" && gpu !== "-1") ??
  Array.from({ length: cardCount(askDriver()) }, (_, i) => `${i}`);

/** Throws a UsageError for more workers than GPUs: NCCL lets each into a sum once. */
export function refuseSharedGpus(workers: number, gpus: readonly string[]): void {
  if (workers > gpus.length)
    throw new UsageError(
      `Expected at most ${gpus.length} workers on this machine, one for each GPU (${gpus}), but found ${workers}; start as many, or add --device tensorflow:cpu`,
    );
}

/**
 * The worker that the environment makes of this process, if it does. Each worker of a machine takes a GPU of its own, unless its launcher has given it
 * one or `device` is the CPU. Throws a UsageError for an environment that makes no sense.
 */
export function asWorker(device: string, env: Environment & NodeJS.ProcessEnv = process.env): Worker | undefined {
  const plan = placement(env);
  if (!plan) return undefined;
  const hosts = plan.addresses.map((address) => address.replace(/:\d+$/, ""));
  const local = hosts.flatMap((host, rank) => (host === hosts[plan.rank] ? [rank] : []));
  const gpus = local.length > 1 && device !== "tensorflow:cpu" ? visibleGpus(env) : [];
  if (gpus.length > 1) {
    refuseSharedGpus(local.length, gpus);
    env["CUDA_VISIBLE_DEVICES"] = gpus[local.indexOf(plan.rank)]!;
  }
  const port = plan.addresses[plan.rank]!.split(":")[1];
  const reach = sealed() ? "" : `; it listens on port ${port} of every network of this machine and asks nobody who they are`;
  say(`This is worker ${plan.rank} of ${plan.addresses.length}${reach}`);
  return { plan, patience: { ...patience, say }, cores: Math.max(1, Math.floor(availableParallelism() / local.length)) };
}
