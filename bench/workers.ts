/** What several workers cost, with one core each. See README.md. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { freeAddresses, tensorflow } from "@ddpm/backend-node";
import { configure, initialState, type PresetName, presetNames, presets, runStep, shapes, trainingBatch, trainingStep } from "@ddpm/core";
import { size, variable } from "@ddpm/core/graph";
import { alone, Reduction, type Workers } from "@ddpm/core/training";
import { commandLine } from "./command-line.ts";
import { median } from "./report.ts";

const usage = "Usage: node --import tsx bench/workers.ts [--preset notebook] [--batch 128] [--steps 10] [--rounds 3]";

/** One process of an arrangement. */
interface Task {
  readonly preset: PresetName;
  /** Images of a step of all workers. */
  readonly batch: number;
  readonly steps: number;
  readonly rank: number;
  /** Empty for a process alone. */
  readonly addresses: readonly string[];
}

/** Medians in seconds. */
interface Times {
  readonly step: number;
  /** The sums over workers of as many numbers as the model has, with nothing beside them. */
  readonly reduction: number;
  readonly parameters: number;
}

/** The first steps optimise the graph and fill caches. */
const warmup = 2;

async function work({ preset, batch, steps, rank, addresses }: Task): Promise<Times> {
  const config = configure(presets[preset], { "train.batch": batch });
  const patience = { start: 300, silence: 60, say: () => {} };
  await using backend = await tensorflow({
    device: "cpu",
    threads: 1,
    ...(addresses.length > 0 && { cluster: { plan: { addresses, rank }, patience } }),
  });
  const workers = backend.workers ?? alone;
  const dataset = shapes({ height: config["data.height"], width: config["data.width"], channels: config["model.channels"] });
  const training = trainingStep(config, workers);
  const parameters = [...training.scope.parameters.values()].map(({ shape }) => size(shape));
  const stepTimes: number[] = [];
  {
    await using program = await backend.compile(training.step, initialState(training, config.seed));
    for (let n = 1; n <= warmup + steps; n++) {
      const values = await trainingBatch(dataset, config, n, workers);
      stepTimes.push(await seconds(() => runStep(program, config, values, n, { workers })));
    }
  }
  const sums = async (by: Workers): Promise<number> => {
    const vectors = parameters.map((n, i) => variable(`v${i}`, [n]));
    const step = { outputs: { sum: new Reduction(by).pack(vectors).sum() } };
    await using program = await backend.compile(step, new Map(vectors.map(({ attrs, shape }) => [attrs.name, new Float32Array(shape[0]!)])));
    const times: number[] = [];
    for (let i = 0; i < warmup + 10; i++) times.push(await seconds(() => program.run({})));
    return median(times.slice(warmup));
  };
  const reduction = workers.count > 1 ? (await sums(workers)) - (await sums(alone)) : 0;
  return { step: median(stepTimes.slice(warmup)), reduction, parameters: parameters.reduce((a, b) => a + b, 0) };
}

async function seconds(run: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await run();
  return (performance.now() - start) / 1000;
}

/** Runs tasks at the same time, each on a core of its own. */
function together(tasks: readonly Task[]): Promise<Times[]> {
  return Promise.all(
    tasks.map(async (task, core) => {
      const worker = fork(fileURLToPath(import.meta.url), [], {
        execPath: "taskset",
        execArgv: ["-c", `${core}`, process.execPath, "--import", "tsx"],
        env: { ...process.env, TASK: JSON.stringify(task) },
      });
      const [times] = (await Promise.race([
        once(worker, "message"),
        once(worker, "exit").then(([code]) => Promise.reject(new Error(`ended with ${code}`))),
      ])) as [Times];
      await once(worker, "exit");
      return times;
    }),
  );
}

async function main(): Promise<void> {
  const { flags, count, names } = commandLine(usage);
  const text = { type: "string" } as const;
  const given = flags({
    preset: { ...text, default: "notebook" },
    batch: { ...text, default: "128" },
    steps: { ...text, default: "10" },
    rounds: { ...text, default: "3" },
  });
  const [batch, steps, rounds] = [count("--batch", given.batch), count("--steps", given.steps), count("--rounds", given.rounds)];
  const preset = names(given.preset, presetNames, "preset")[0]!;
  const task = { preset, steps, rank: 0, addresses: [] };
  const efficiencies: number[] = [];
  const shares: number[] = [];
  for (let round = 1; round <= rounds; round++) {
    const [one] = (await together([{ ...task, batch }])) as [Times];
    const apart = await together([0, 1].map(() => ({ ...task, batch: batch / 2 })));
    const addresses = await freeAddresses(2);
    const two = await together([0, 1].map((rank) => ({ ...task, batch, rank, addresses })));
    const [stepApart, stepTwo, reduction] = [apart, two]
      .map((all) => Math.max(...all.map(({ step }) => step)))
      .concat(Math.max(...two.map((times) => times.reduction))) as [number, number, number];
    efficiencies.push(one.step / 2 / stepTwo);
    shares.push(reduction / stepTwo);
    const ms = (x: number): string => `${(1000 * x).toFixed(1)} ms`;
    console.log(
      `${preset}, ${one.parameters} parameters, round ${round}: one worker with ${batch} images ${ms(one.step)}; two processes apart with ${batch / 2} each ${ms(stepApart)}; two workers ${ms(stepTwo)}, of which sums alone ${ms(reduction)}`,
    );
  }
  console.log(`Efficiency ${median(efficiencies).toFixed(3)}; sums alone are ${(100 * median(shares)).toFixed(1)} % of a step`);
}

const own = process.env["TASK"];
if (own === undefined) await main();
else process.send!(await work(JSON.parse(own) as Task), () => process.disconnect());
