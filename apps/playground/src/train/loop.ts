import {
  type Backend,
  batch,
  type Config,
  compileSampler,
  type Dataset,
  encodeModel,
  imageShape,
  initialState,
  type Numbers,
  type Program,
  type Sampler,
  type Scope,
  samplesOf,
  shapes,
  trainingFeeds,
  trainingStep,
} from "@ddpm/core";
import { toBytes } from "../bytes.ts";
import type { Reply, TrainingPlan } from "../protocol.ts";

interface Listener {
  readonly say: (reply: Reply, transfer?: Transferable[]) => void;
  /** Asked after each step, and lets the worker hear messages. */
  readonly stopped: () => Promise<boolean>;
}

/** Pictures that training draws, and steps for each: few, since a browser may draw with software. Clipped, since the cosine schedule begins at so little signal that x0 explodes. */
const sampler = { sampler: "dpm++", batch: 4, steps: 10, clip: true } as const;

/** Trains on procedural shapes as `ddpm train --data shapes` does, step for step. Ends with the averaged weights as a checkpoint's bytes. */
export async function trainLoop(backend: Backend, { config, steps }: TrainingPlan, { say, stopped }: Listener): Promise<void> {
  const dataset = shapes({ height: config["data.height"], width: config["data.width"], channels: config["model.channels"] });
  const training = trainingStep(config);
  await using program = await backend.compile(training.step, initialState(training, config.seed));
  await using pictures = new Pictures(backend, config);
  let step = 0;
  for (let stop = false; step < steps && !stop; stop = await stopped()) {
    step++;
    const { loss } = await program.run(trainingFeeds(config, batchAt(dataset, config, step), step));
    requireFinite(loss![0]!, step);
    say({ kind: "loss", step, loss: loss![0]! });
    if (step % config["train.sampleEvery"] === 0 || step === steps) {
      const images = await pictures.draw(await averages(program, training.scope));
      say({ kind: "samples", step, shape: imageShape(config, sampler.batch), images }, [images.buffer]);
    }
  }
  const checkpoint = encoded(config, training.scope, await averages(program, training.scope), step);
  say({ kind: "trained", step, checkpoint }, [checkpoint.buffer]);
}

const batchAt = (dataset: Dataset, config: Config, step: number) =>
  batch(dataset, { seed: config.seed, batch: config["train.batch"], step, flip: config["data.flip"] });

function requireFinite(loss: number, step: number): void {
  if (Number.isFinite(loss)) return;
  throw new RangeError(`Expected the loss of step ${step} to be finite but found ${loss}; train again with a lower learning rate`);
}

/** The moving average of the weights, by name: what one draws with. */
const averages = async (program: Program, scope: Scope): Promise<Map<string, Numbers>> =>
  scope.unpackValues((await program.read(["ema"])).get("ema")!);

function encoded(config: Config, scope: Scope, weights: ReadonlyMap<string, Numbers>, step: number): Uint8Array<ArrayBuffer> {
  const parameters = [...scope.parameters].map(([name, { shape }]) => [name, { shape, data: Float32Array.from(weights.get(name)!) }] as const);
  return new Uint8Array(encodeModel(new Map(parameters), { config, step }));
}

/** Draws with the weights of the moment, always from the same noise; compiles its sampler at the first picture. */
class Pictures implements AsyncDisposable {
  readonly #backend: Backend;
  readonly #config: Config;
  #sampler: Sampler | undefined;

  constructor(backend: Backend, config: Config) {
    this.#backend = backend;
    this.#config = config;
  }

  async draw(weights: ReadonlyMap<string, Numbers>): Promise<Uint8ClampedArray<ArrayBuffer>> {
    this.#sampler ??= await compileSampler(this.#backend, this.#config, weights, sampler);
    await this.#sampler.write(weights);
    return toBytes(await samplesOf(this.#sampler, { seed: this.#config.seed }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#sampler?.[Symbol.asyncDispose]();
  }
}
