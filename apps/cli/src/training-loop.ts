import { availableParallelism, cpus } from "node:os";
import {
  AverageSampler,
  alone,
  type Backend,
  type Config,
  type Dataset,
  imageShape,
  initialState,
  labelsInTurn,
  type Program,
  passingState,
  runStep,
  Stability,
  type StepResult,
  stepsPerEpoch,
  type Trainee,
  type TrainingStep,
  trainingBatch,
  trainingStep,
} from "@ddpm/core";
import { lrAt, type TimestepSampling, timestepSampling } from "@ddpm/core/training";
import { ReadAhead } from "./data/read-ahead.ts";
import { Interrupted, watchInterrupts } from "./interrupt.ts";
import { grid, writePng } from "./picture.ts";
import { progress } from "./progress.ts";
import type { RunFolder } from "./run-folder.ts";
import { keptOf, RunRecord } from "./run-record.ts";
import { lossFacts } from "./step-log.ts";
import type { EventWriter } from "./tensorboard.ts";
import { version } from "./version.ts";
import { agree } from "./workers/agreement.ts";

export interface Training {
  readonly backend: Backend;
  readonly config: Config;
  readonly dataset: Dataset;
  /** What the first worker writes, and all read to go on. */
  readonly folder: RunFolder;
  /** Total number of steps, counted from the run's first. */
  readonly steps: number;
  readonly resume: boolean;
}

/** Images in the grids that training draws. */
const sampleCount = 16;

/**
 * Trains until `steps`; saves every `train.checkpointEvery` steps or `train.checkpointMinutes`, at the end, and on Ctrl-C (which then throws Interrupted).
 * Returns the seconds that steps took and those of them spent waiting for images. Of several workers each trains on its share, and the first alone writes.
 */
export async function trainLoop({ backend, config, dataset, folder, steps, resume }: Training): Promise<{ seconds: number; wait: number }> {
  using interruption = watchInterrupts();
  const workers = backend.workers ?? alone;
  const training = trainingStep(config, workers);
  const { program, timesteps, start } = await begin(training, { backend, config, folder, steps, resume });
  await using record = workers.rank === 0 ? await RunRecord.open(folder, config, start) : undefined;
  const samples = record && new SampleGrids({ backend, config, program, scope: training.scope }, folder, record.events);
  const sampleEvery = config["train.sampleEvery"] || stepsPerEpoch(dataset, config["train.batch"]);
  using line = progress("train", steps, start);
  const stability = new Stability(config);
  const total = { seconds: 0, wait: 0 };
  const save = async (record: RunRecord, step: number, last: boolean): Promise<void> => {
    const state = await program.read();
    for (const [name, values] of state) requireFinite(values, `${name} after step ${step}`, record.saved);
    const now = { state, timesteps: timesteps.state(), step, device: deviceOf(backend, config) };
    await record.save(training, now, { last, ends: step === steps });
  };
  try {
    const batches = new ReadAhead((step) => trainingBatch(dataset, config, step, workers), start + 1, steps);
    for (let step = start + 1; step <= steps; step++) {
      const began = performance.now();
      const next = await batches.next();
      const wait = (performance.now() - began) / 1000;
      const running = runStep(program, config, next, step, { timesteps, workers });
      batches.fill(); // while the step runs
      const { epoch, count } = next;
      const result = await running;
      const { loss, skipped } = result;
      follow(stability, step, result, record?.saved ?? 0);
      const seconds = (performance.now() - began) / 1000;
      const imagesPerSecond = count / seconds;
      total.seconds += seconds;
      total.wait += wait;
      line.update(step, { epoch: `${epoch + 1}`, loss: loss.toFixed(4), "images/s": imagesPerSecond.toFixed(0) });
      if (!record) {
        if (interruption.requested) backend.workers?.askToStop();
        continue;
      }
      if (!skipped) {
        const facts = { ...lossFacts(result, count, config), lr: lrAt(config, step), imagesPerSecond, seconds, wait };
        await record.add({ step, epoch, loss, ...facts });
      }
      const stop = interruption.requested ?? (backend.workers?.stopAsked ? "SIGTERM" : undefined); // looked at once: what comes later stops the next step
      const last = step === steps || stop !== undefined;
      if (last || (stability.sound && record.due(step))) await save(record, step, last);
      if (record.saved === step || step % sampleEvery === 0) await record.plot();
      if (stop) throw new Interrupted(`Saved step ${step}; go on with npx ddpm train --resume --steps ${steps} --out ${folder.path}`, stop);
      if (last || step % sampleEvery === 0) await record.write("pictures", () => samples!.draw(step));
      await record.flush();
    }
    return total;
  } finally {
    await samples?.[Symbol.asyncDispose]();
    await program[Symbol.asyncDispose]();
  }
}

/** Compiles the step with the saved state or a new one, which is then free to be collected. */
async function begin(
  training: TrainingStep,
  { backend, config, folder, steps, resume }: Pick<Training, "backend" | "config" | "folder" | "steps" | "resume">,
): Promise<{ program: Program; timesteps: TimestepSampling; start: number }> {
  const saved = resume ? await folder.load(config, training) : undefined;
  const { state, step } = saved ?? { state: initialState(training, config.seed), step: 0 };
  if (step > steps)
    throw new RangeError(`Expected --steps or --epochs to reach beyond step ${step}, where the run stands, but found step ${steps}; choose more`);
  if (backend.workers) await agree(backend, { ...config, step, steps, device: backend.name, version });
  if (saved) warnOfBits(saved.device, deviceOf(backend, config));
  const warning = (backend.workers?.rank ?? 0) === 0 ? await folder.spaceWarning(training) : undefined;
  if (warning) process.stderr.write(`${warning}\n`);
  const program = await backend.compile(training.step, new Map([...passingState(training), ...state]));
  return { program, timesteps: timestepSampling(config, saved?.timesteps), start: step };
}

/** What the last bits of a training depend on. */
const deviceOf = ({ name }: Backend, { "train.threads": threads }: Config): string =>
  `${name}, ${threads || availableParallelism()} threads, ${cpus()[0]?.model ?? "unknown CPU"}`;

function warnOfBits(before: string, now: string): void {
  if (before === now) return;
  const threads = /, (\d+) threads, /;
  const alike = before.replace(threads, "") === now.replace(threads, "");
  const advice = alike ? `; with --train.threads ${threads.exec(before)?.[1]} they would not` : "";
  process.stderr.write(
    `Going on with ${now} where ${before || "an unknown device"} trained so far: the last bits may differ from those of an unbroken run${advice}\n`,
  );
}

/** Tells what a step gives reason to. Throws where training should end. */
function follow(stability: Stability, step: number, result: StepResult, saved: number): void {
  try {
    const line = stability.follow(step, result);
    if (line) process.stderr.write(`${line}\n`);
  } catch (error) {
    throw new RangeError(`${(error as Error).message}; ${keptOf(saved)}`, { cause: error });
  }
}

function requireFinite(values: ArrayLike<number>, what: string, saved: number): void {
  for (let i = 0; i < values.length; i++) {
    if (Number.isFinite(values[i])) continue;
    throw new RangeError(
      `Expected ${what} to be finite but found ${values[i]}; ${keptOf(saved)}; start again in a new --out with a lower --train.lr`,
    );
  }
}

/** Draws grids with the averaged weights into samples/ and TensorBoard. */
class SampleGrids implements AsyncDisposable {
  readonly #shape: ReturnType<typeof imageShape>;
  readonly #sampler: AverageSampler;
  readonly #labels: readonly number[];
  readonly #folder: RunFolder;
  readonly #events: EventWriter;

  constructor(trainee: Trainee, folder: RunFolder, events: EventWriter) {
    this.#shape = imageShape(trainee.config, sampleCount);
    this.#labels = labelsInTurn(trainee.config, sampleCount);
    this.#sampler = new AverageSampler(trainee, { sampler: "ddim", batch: sampleCount });
    this.#folder = folder;
    this.#events = events;
  }

  async draw(step: number): Promise<void> {
    const picture = grid(Float32Array.from(await this.#sampler.draw(this.#labels)), ...this.#shape);
    const png = await writePng(this.#folder.file(`samples/step-${String(step).padStart(6, "0")}.png`), picture);
    this.#events.image(step, "samples", png, picture);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#sampler[Symbol.asyncDispose]();
  }
}
