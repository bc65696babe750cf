import type { Backend, Numbers, Program, State, Step } from "./backend.ts";
import { type Config, scheduleFor } from "./config.ts";
import { normals, stream } from "./random.ts";
import {
  coefficientNames,
  inversionRows,
  type RowCoefficients,
  rows,
  type SamplerName,
  type SamplerOptions,
  samplerStep,
  samplers,
} from "./sampler.ts";
import { Scope } from "./scope.ts";
import type { Row } from "./solvers.ts";
import { input, size, variable } from "./tensor.ts";
import { averagedWeights, gaussian, imageShape, model } from "./training.ts";

/** After a step of sampling: `x()` reads x_{t-1} and `x0()` the predicted x_0 from the device, [batch, height, width, channels]. */
export interface Progress {
  readonly step: number;
  readonly steps: number;
  readonly t: number;
  readonly x: () => Promise<Numbers>;
  readonly x0: () => Promise<Numbers>;
}

export interface Draw {
  readonly seed?: number;
  /** Index of the first image among those of the seed. */
  readonly first?: number;
  /** x_T [batch, height, width, channels] in place of the drawn one. */
  readonly start?: Numbers;
  /** Goes on after a step of the same draw that was read before, as if nothing had come between. */
  readonly resume?: Reached;
}

/** A step of a draw that is done, and what its `x()` and `x0()` read. */
export interface Reached {
  readonly step: number;
  readonly x: Numbers;
  readonly x0: Numbers;
}

/** A compiled sampler for batches of one size. */
export interface Sampler extends AsyncDisposable {
  readonly table: readonly Row[];
  /** As that of its program. */
  readonly how?: string;
  /** Algorithm 2 of Ho et al. 2020 or a relative: yields after each step; the last `x()` are the samples. */
  draw(options?: Draw): AsyncGenerator<Progress>;
  /** Replaces the weights. */
  write(parameters: State): Promise<void>;
}

export interface SamplerSettings extends SamplerOptions {
  readonly sampler?: SamplerName;
  /** Whether DDIM runs backwards, from images, given as `start`, to the noise that they come from: see `ddimInversion`; `steps` are DDIM's. */
  readonly inverse?: boolean;
  /** Images a run. */
  readonly batch: number;
}

/** The parameters of a configuration's model with their shapes, in the order of use. */
export function parametersOf(config: Config): Scope["parameters"] {
  const scope = new Scope();
  model(scope, input("x", imageShape(config, 1)), input("t", [1], "int32"), config);
  return scope.parameters;
}

/** One sampler step for `batch` images as a graph: x and the last x0 are variables, so they stay on the device. */
export function samplingStep(config: Config, batch: number, clip: boolean): Step {
  const shape = imageShape(config, batch);
  const x = variable("x", shape);
  const prediction = model(new Scope(), x, input("t", [1], "int32"), config);
  const row = Object.fromEntries(coefficientNames.map((name) => [name, input(name, [])])) as RowCoefficients;
  const next = samplerStep(x, variable("x0", shape), prediction, gaussian("z", shape), row, { clip });
  return { outputs: {}, updates: { x: next.x, x0: next.x0 } };
}

/** Compiles a sampler for the model that `config` describes, with the weights `parameters`. Throws as `rows` and `compile` do. */
export async function compileSampler(
  backend: Backend,
  config: Config,
  parameters: State,
  { sampler = "ddpm", inverse = false, batch, ...options }: SamplerSettings,
): Promise<Sampler> {
  const { "diffusion.variance": variance, "diffusion.objective": objective } = config;
  const settings = { variance, objective, ...options };
  const table = inverse ? inversionRows(scheduleFor(config), settings) : rows(sampler, scheduleFor(config), settings);
  const clip = !inverse && (options.clip ?? samplers[sampler].clip);
  const zeros = new Float32Array(size(imageShape(config, batch)));
  const program = await backend.compile(samplingStep(config, batch, clip), new Map([...parameters, ["x", zeros], ["x0", zeros]]));
  const elements = zeros.length / batch;
  return {
    table,
    ...(program.how !== undefined && { how: program.how }),
    draw: ({ seed = 0, first = 0, start, resume } = {}) => {
      const from = resume ?? { step: 0, x: start ?? startNoise(seed, batch, elements, first), x0: zeros };
      return steps(program, table, batch, { seed, first, from });
    },
    write: (parameters) => program.write(parameters),
    [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
  };
}

/** Algorithm 2 of Ho et al. 2020 in whole: images [batch, height, width, channels] from noise, in all T steps, x_0 not clipped. Throws as `compileSampler` does. */
export async function pSampleLoop(
  backend: Backend,
  config: Config,
  parameters: State,
  { batch, ...draw }: Draw & Pick<SamplerSettings, "batch">,
): Promise<Numbers> {
  await using sampler = await compileSampler(backend, config, parameters, { sampler: "ddpm", batch, clip: false });
  return await samplesOf(sampler, draw);
}

/** The images of a whole draw, [batch, height, width, channels], without a look at the steps between. */
export async function samplesOf(sampler: Sampler, options: Draw = {}): Promise<Numbers> {
  for await (const { step, steps, x } of sampler.draw(options)) if (step === steps) return await x();
  throw new RangeError("Expected a schedule of at least one timestep");
}

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

  /** Images [batch, height, width, channels]. */
  async draw(): Promise<Numbers> {
    const { backend, config, program, scope } = this.#trainee;
    const averages = await averagedWeights(program, scope);
    this.#sampler ??= await compileSampler(backend, config, averages, this.#settings);
    await this.#sampler.write(averages);
    return samplesOf(this.#sampler, { seed: config.seed });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#sampler?.[Symbol.asyncDispose]();
  }
}

interface Course {
  readonly seed: number;
  readonly first: number;
  readonly from: Reached;
}

async function* steps(program: Program, table: readonly Row[], batch: number, { seed, first, from }: Course): AsyncGenerator<Progress> {
  await program.write(
    new Map([
      ["x", from.x],
      ["x0", from.x0],
    ]),
  );
  const blocks = Math.ceil(from.x.length / batch / 4);
  const read = async (name: string): Promise<Numbers> => (await program.read([name])).get(name)!;
  for (const [i, row] of [...table.entries()].slice(from.step)) {
    const coefficients = Object.fromEntries(coefficientNames.map((name) => [name, Float64Array.of(row[name])]));
    await program.run({ ...coefficients, t: Int32Array.of(row.t), z: stream(seed, "steps", i, first * blocks) });
    yield { step: i + 1, steps: table.length, t: row.t, x: () => read("x"), x0: () => read("x0") };
  }
}

/** x_T of images `first` to `first + count` of a seed: standard normal, [count, ...image]; image i starts at block i·⌈elements/4⌉. */
export function startNoise(seed: number, count: number, elements: number, first = 0): Float32Array {
  const padded = Math.ceil(elements / 4) * 4;
  const numbers = normals(stream(seed, "start", 0, (first * padded) / 4), count * padded);
  return Float32Array.from({ length: count * elements }, (_, i) => numbers[Math.floor(i / elements) * padded + (i % elements)]!);
}
