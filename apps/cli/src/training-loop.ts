import {
  type Backend,
  batch,
  type Config,
  compileSampler,
  type Dataset,
  imageShape,
  initialState,
  type Program,
  type Sampler,
  type Scope,
  samplesOf,
  stepsPerEpoch,
  type TrainingStep,
  trainingFeeds,
  trainingStep,
} from "@ddpm/core";
import { Interrupted, watchInterrupts } from "./interrupt.ts";
import { grid, writePng } from "./picture.ts";
import { progress } from "./progress.ts";
import type { RunFolder } from "./run-folder.ts";
import { EventWriter } from "./tensorboard.ts";

export interface Training {
  readonly backend: Backend;
  readonly config: Config;
  readonly dataset: Dataset;
  readonly folder: RunFolder;
  /** Total number of steps, counted from the run's first. */
  readonly steps: number;
  readonly resume: boolean;
}

/** Images in the grids that training draws. */
const sampleCount = 16;

/** Trains until `steps`; saves every `train.checkpointEvery` steps, at the end, and on Ctrl-C (which then throws Interrupted). */
export async function trainLoop({ backend, config, dataset, folder, steps, resume }: Training): Promise<void> {
  using interruption = watchInterrupts();
  const training = trainingStep(config);
  const { program, start } = await begin(training, { backend, config, folder, steps, resume });
  const events = await EventWriter.open(folder.path);
  const samples = new SampleGrids({ backend, config, program, scope: training.scope, folder, events });
  const sampleEvery = config["train.sampleEvery"] || stepsPerEpoch(dataset, config["train.batch"]);
  using line = progress("train", steps, start);
  let saved = start;
  const save = async (step: number): Promise<void> => {
    const state = await program.read();
    for (const [name, values] of state) requireFinite(values, `${name} after step ${step}`, saved);
    await folder.save(config, training.scope, state, step);
    saved = step;
  };
  try {
    let next = batchAt(dataset, config, start + 1);
    for (let step = start + 1; step <= steps; step++) {
      const began = performance.now();
      const running = program.run(trainingFeeds(config, next, step));
      const { epoch, count } = next;
      if (step < steps) next = batchAt(dataset, config, step + 1); // while the step runs
      const loss = (await running)["loss"]![0]!;
      requireFinite([loss], `the loss of step ${step}`, saved);
      const seconds = (performance.now() - began) / 1000;
      const imagesPerSecond = count / seconds;
      line.update(step, { epoch: `${epoch + 1}`, loss: loss.toFixed(4), "images/s": imagesPerSecond.toFixed(0) });
      await folder.log({ step, epoch, loss, lr: config["train.lr"], imagesPerSecond, seconds });
      events.scalar(step, "loss", loss);
      events.scalar(step, "images per second", imagesPerSecond);
      const last = step === steps || interruption.requested;
      if (last || step % config["train.checkpointEvery"] === 0) await save(step);
      if (interruption.requested)
        throw new Interrupted(`Saved step ${step}; go on with npx ddpm train --resume --steps ${steps} --out ${folder.path}`);
      if (last || step % sampleEvery === 0) await samples.draw(step);
      await events.flushWhenDue();
    }
  } finally {
    await events.close();
    await samples[Symbol.asyncDispose]();
    await program[Symbol.asyncDispose]();
  }
}

/** Compiles the step with the saved state or a new one, which is then free to be collected. */
async function begin(
  training: TrainingStep,
  { backend, config, folder, steps, resume }: Pick<Training, "backend" | "config" | "folder" | "steps" | "resume">,
): Promise<{ program: Program; start: number }> {
  const { state, step } = (resume && (await folder.load(training.scope))) || { state: initialState(training, config.seed), step: 0 };
  if (step > steps) throw new RangeError(`Expected --steps or --epochs to reach beyond step ${step}, where the run stands, but found step ${steps}`);
  if (resume) await folder.rewindLog(step);
  return { program: await backend.compile(training.step, state), start: step };
}

const batchAt = (dataset: Dataset, config: Config, step: number) =>
  batch(dataset, { seed: config.seed, batch: config["train.batch"], step, flip: config["data.flip"] });

function requireFinite(values: ArrayLike<number>, what: string, saved: number): void {
  for (let i = 0; i < values.length; i++) {
    if (Number.isFinite(values[i])) continue;
    const kept = saved > 0 ? `the checkpoint of step ${saved} stays as it was` : "nothing was saved yet";
    throw new RangeError(`Expected ${what} to be finite but found ${values[i]}; ${kept}; start again in a new --out with a lower --train.lr`);
  }
}

interface GridsOf {
  readonly backend: Backend;
  readonly config: Config;
  readonly program: Program;
  readonly scope: Scope;
  readonly folder: RunFolder;
  readonly events: EventWriter;
}

/** Draws grids with the averaged weights into samples/ and TensorBoard; compiles its sampler at the first one. */
class SampleGrids implements AsyncDisposable {
  readonly #of: GridsOf;
  #sampler: Sampler | undefined;

  constructor(of: GridsOf) {
    this.#of = of;
  }

  async draw(step: number): Promise<void> {
    const { backend, config, program, scope, folder, events } = this.#of;
    const averages = scope.unpackValues((await program.read(["ema"])).get("ema")!);
    this.#sampler ??= await compileSampler(backend, config, averages, { sampler: "ddim", batch: sampleCount });
    await this.#sampler.write(averages);
    const images = await samplesOf(this.#sampler, { seed: config.seed });
    const [n, h, w, c] = imageShape(config, sampleCount);
    const picture = grid(Float32Array.from(images), n, h, w, c);
    const png = await writePng(folder.file(`samples/step-${String(step).padStart(6, "0")}.png`), picture);
    events.image(step, "samples", png, picture);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#sampler?.[Symbol.asyncDispose]();
  }
}
