/** Which worker of which a process is, by what its launcher has put into the environment. */
import type { ClusterPlan } from "@ddpm/backend-node";
import { UsageError } from "../usage-error.ts";

/** Variables of a process. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The plan that the environment holds: `TF_CONFIG` as TensorFlow's launchers for Kubernetes set it and `ddpm launch` does, a step of Slurm's with several
 * tasks, or torchrun's `RANK` and `WORLD_SIZE` on one machine. Undefined for a process alone. Throws a UsageError for one that makes no sense.
 */
export function placement(env: Environment): ClusterPlan | undefined {
  const plan = fromTensorFlow(env) ?? fromSlurm(env) ?? fromTorchrun(env);
  return plan && plan.addresses.length > 1 ? plan : undefined;
}

/** https://www.tensorflow.org/guide/distributed_training#setting_up_the_tf_config_environment_variable */
function fromTensorFlow({ TF_CONFIG: text }: Environment): ClusterPlan | undefined {
  if (!text) return undefined;
  const wrong = (found: string): UsageError =>
    new UsageError(
      `Expected TF_CONFIG as {"cluster": {"worker": ["host:port", …]}, "task": {"type": "worker", "index": 0}} but found ${found}; unset it to work alone`,
    );
  const { cluster, task } = parsed(text, wrong) as { cluster?: Record<string, unknown>; task?: { type?: string; index?: unknown } };
  const jobs = ["chief", "worker"].flatMap((job) => {
    const addresses = cluster?.[job] ?? [];
    if (!Array.isArray(addresses) || !addresses.every((address) => /^[^\s:]+:\d+$/.test(address))) throw wrong(`${job} ${JSON.stringify(addresses)}`);
    return addresses.map((address, index) => ({ job, index, address: address as string }));
  });
  if (jobs.length === 0) return undefined;
  const rank = jobs.findIndex(({ job, index }) => job === task?.type && index === Number(task.index));
  if (rank < 0) throw wrong(`task ${JSON.stringify(task)} of ${jobs.length} workers`);
  return { addresses: jobs.map(({ address }) => address), rank };
}

/** One task of a step that srun has started: https://slurm.schedmd.com/srun.html#SECTION_OUTPUT-ENVIRONMENT-VARIABLES */
function fromSlurm(env: Environment): ClusterPlan | undefined {
  const { SLURM_STEP_NUM_TASKS: tasks, SLURM_STEP_NODELIST: nodes, SLURM_STEP_TASKS_PER_NODE: perNode, SLURM_PROCID: rank, SLURM_JOB_ID: job } = env;
  if (!(Number(tasks) > 1) || !nodes || !perNode || rank === undefined) return undefined;
  const counts = [...perNode.matchAll(/(\d+)(?:\(x(\d+)\))?/g)].flatMap(([, n, times = "1"]) => new Array<number>(Number(times)).fill(Number(n)));
  const first = 20_000 + (Number(job) % 20_000);
  const addresses = hostsOf(nodes).flatMap((host, i) => Array.from({ length: counts[i] ?? 0 }, (_, local) => `${host}:${first + local}`));
  if (addresses.length !== Number(tasks))
    throw new UsageError(`Expected as many tasks as SLURM_STEP_NUM_TASKS, ${tasks}, on ${nodes} but found ${perNode}; start the workers with srun`);
  return { addresses, rank: Number(rank) };
}

/** The hosts of a list as `gpu[01-03,07],login`. */
export function hostsOf(list: string): string[] {
  const parts = list.match(/[^,[]+(?:\[[^\]]*\][^,[]*)?/g) ?? [];
  return parts.flatMap((part) => {
    const [, before, ranges, after] = /^([^[]*)\[([^\]]*)\](.*)$/.exec(part) ?? [];
    if (ranges === undefined) return [part];
    return ranges.split(",").flatMap((range) => {
      const [from, to = from] = range.split("-") as [string, string?];
      const numbers = Array.from({ length: Number(to) - Number(from) + 1 }, (_, i) => String(Number(from) + i).padStart(from.length, "0"));
      return numbers.map((number) => `${before}${number}${after}`);
    });
  });
}

/** https://docs.pytorch.org/docs/stable/elastic/run.html#environment-variables; the store that workers of PyTorch share has MASTER_PORT itself. */
function fromTorchrun(env: Environment): ClusterPlan | undefined {
  const { RANK: rank, WORLD_SIZE: size, LOCAL_WORLD_SIZE: local = size, MASTER_ADDR: host = "127.0.0.1", MASTER_PORT: port = "29500" } = env;
  if (rank === undefined || !(Number(size) > 1)) return undefined;
  if (local !== size)
    throw new UsageError(
      `Expected TF_CONFIG for ${size} workers on several machines, of which each has to know every address, but found RANK and WORLD_SIZE alone; set it`,
    );
  return { addresses: Array.from({ length: Number(size) }, (_, i) => `${host}:${Number(port) + 1 + i}`), rank: Number(rank) };
}

function parsed(text: string, wrong: (found: string) => Error): object {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return value;
  } catch {
    // told below
  }
  throw wrong(text);
}
