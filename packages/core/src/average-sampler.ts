import type { Backend, Numbers, Program } from "./backend.ts";
import type { Config } from "./config.ts";
import { compileSampler, type Draw, type Sampler, type SamplerSettings, samplesOf } from "./sampling.ts";
import type { Scope } from "./scope.ts";
import { averagedWeights } from "./training.ts";

/** A training that is under way. */
export interface Trainee {
  readonly backend: Backend;
  readonly config: Config;
  readonly program: Program;
  readonly scope: Scope;
}

/** Draws with the averaged weights of a training as they are at the moment, always from the same noise; compiles its sampler at the first draw. */
export class AverageSampler implements AsyncDisposable {
  readonly #trainee: Trainee;
  readonly #settings: SamplerSettings;
  #sampler: Sampler | undefined;

  constructor(trainee: Trainee, settings: SamplerSettings) {
    this.#trainee = trainee;
    this.#settings = settings;
  }

  /** Images [batch, height, width, channels], of the classes that `labels` say. */
  async draw(labels: Draw["labels"] & {} = []): Promise<Numbers> {
    const { backend, config, program, scope } = this.#trainee;
    const averages = await averagedWeights(program, scope);
    this.#sampler ??= await compileSampler(backend, config, averages, this.#settings);
    await this.#sampler.write(averages);
    return samplesOf(this.#sampler, { seed: config.seed, labels });
  }

  /** Frees what the sampler holds on the device; nothing where none was compiled. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#sampler?.[Symbol.asyncDispose]();
  }
}
