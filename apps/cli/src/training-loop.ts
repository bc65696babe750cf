import { readFile } from "node:fs/promises";
import {
  type Backend,
  batch,
  type Config,
  compileSampler,
  type Dataset,
  imageShape,
  initialState,
  type Numbers,
  type Program,
  type Sampler,
  type Scope,
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
  const training = trainingStep(config);
  const { program, start } = await begin(training, { backend, config, folder, resume });
  if (resume) await folder.rewindLog(start);
  const events = await EventWriter.open(folder.path);
  const samples = new SampleGrids(backend, config, program, training.scope, folder, events);
  const perEpoch = stepsPerEpoch(dataset, config["train.batch"]);
  const save = async (step: number): Promise<void> => {
    await folder.save(config, training.scope, await program.read(), step);
    await events.flush();
  };
  const sampleEvery = config["train.sampleEvery"] || perEpoch;
  const line = progress("train", steps, start);
  using interruption = watchInterrupts();
  try {
    let next = batchAt(dataset, config, start + 1);
    for (let step = start + 1; step <= steps; step++) {
      const began = performance.now();
      const running = program.run(trainingFeeds(config, next, step));
      const { epoch, count } = next;
      if (step < steps) next = batchAt(dataset, config, step + 1); // while the step runs
      const loss = finite((await running)["loss"]![0]!, step);
      const seconds = (performance.now() - began) / 1000;
      const imagesPerSecond = count / seconds;
      line.update(step, { epoch: `${epoch + 1}`, loss: loss.toFixed(4), "images/s": imagesPerSecond.toFixed(0) });
      await folder.log({ step, epoch, loss, lr: config["train.lr"], imagesPerSecond, seconds });
      events.scalar(step, "loss", loss);
      events.scalar(step, "images per second", imagesPerSecond);
      const last = step === steps || interruption.requested;
      if (last || step % config["train.checkpointEvery"] === 0) await save(step);
      if (interruption.requested) throw new Interrupted(`Saved step ${step} in ${folder.path}`);
      if (last || step % sampleEvery === 0) await samples.draw(step);
    }
  } finally {
    line.stop();
    await events.close();
    await samples[Symbol.asyncDispose]();
    await program[Symbol.asyncDispose]();
  }
}

/** Compiles the step with the saved state or a new one, which is then free to be collected. */
async function begin(
  training: TrainingStep,
  { backend, config, folder, resume }: Pick<Training, "backend" | "config" | "folder" | "resume">,
): Promise<{ program: Program; start: number }> {
  const { state, step } = resume ? await folder.load(training.scope) : { state: initialState(training, config.seed), step: 0 };
  return { program: await backend.compile(training.step, state), start: step };
}

const batchAt = (dataset: Dataset, config: Config, step: number) =>
  batch(dataset, { seed: config.seed, batch: config["train.batch"], step, flip: config["data.flip"] });

function finite(loss: number, step: number): number {
  if (Number.isFinite(loss)) return loss;
  throw new RangeError(
    `Expected a finite loss but step ${step} gave ${loss}; the last checkpoint stays as it was: resume it with a lower --train.lr`,
  );
}

/** Draws grids with the averaged weights into samples/ and TensorBoard; compiles its sampler at the first one. */
class SampleGrids implements AsyncDisposable {
  readonly #backend: Backend;
  readonly #config: Config;
  readonly #program: Program;
  readonly #scope: Scope;
  readonly #folder: RunFolder;
  readonly #events: EventWriter;
  #sampler: Sampler | undefined;

  constructor(backend: Backend, config: Config, program: Program, scope: Scope, folder: RunFolder, events: EventWriter) {
    this.#backend = backend;
    this.#config = config;
    this.#program = program;
    this.#scope = scope;
    this.#folder = folder;
    this.#events = events;
  }

  async draw(step: number): Promise<void> {
    const averages = await this.#averages();
    this.#sampler ??= await compileSampler(this.#backend, this.#config, averages, { sampler: "ddim", batch: sampleCount });
    await this.#sampler.write(averages);
    let images: Numbers = new Float32Array();
    for await (const { step: done, steps, x } of this.#sampler.draw({ seed: this.#config.seed })) if (done === steps) images = await x();
    const [n, h, w, c] = imageShape(this.#config, sampleCount);
    const picture = grid(Float32Array.from(images), n, h, w, c);
    const file = this.#folder.file(`samples/step-${String(step).padStart(6, "0")}.png`);
    await writePng(file, picture);
    this.#events.image(step, "samples", await readFile(file), picture.width, picture.height);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#sampler?.[Symbol.asyncDispose]();
  }

  async #averages(): Promise<Map<string, Numbers>> {
    return this.#scope.unpackValues((await this.#program.read(["ema"])).get("ema")!);
  }
}
