import type { Backend, Numbers, Program, State, Step } from "./backend.ts";
import { classFeeds, classRows, classWidth, guide, knowsNone } from "./classes.ts";
import { type Config, scheduleFor } from "./config.ts";
import { type Kept, kept, keptFeeds, keptNames, keptState } from "./editing.ts";
import { gaussian, imageShape, model } from "./model.ts";
import { startNoise, stream } from "./random.ts";
import {
  coefficientNames,
  inversionRows,
  parts,
  type RowCoefficients,
  rows,
  type SamplerName,
  type SamplerOptions,
  samplerStep,
  samplers,
} from "./sampler.ts";
import { Scope } from "./scope.ts";
import { size } from "./shape.ts";
import type { Row } from "./solvers.ts";
import { array, concat, input, type Tensor, variable } from "./tensor.ts";

/** A step of sampling that is done. */
export interface Progress {
  /** Which of `steps`, from 1. */
  readonly step: number;
  readonly steps: number;
  /** The timestep that the model was told. */
  readonly t: number;
  /** Reads x_{t-1} from the device, [batch, height, width, channels]. */
  readonly x: () => Promise<Numbers>;
  /** Reads the predicted x_0, of the same shape. */
  readonly x0: () => Promise<Numbers>;
}

/** What to draw with a compiled sampler. */
export interface Draw {
  readonly seed?: number;
  /** Index of the first image among those of the seed. */
  readonly first?: number;
  /** x_T [batch, height, width, channels] in place of the drawn one. */
  readonly start?: Numbers;
  /** Rows in place of the sampler's own: those of `tableOf`, or of `repaint`. */
  readonly table?: readonly Row[];
  /** What to keep of known images; needs a sampler that was compiled for inpainting. */
  readonly keep?: Kept;
  /** Class of each image; undefined draws without one, as do images beyond the list. */
  readonly labels?: readonly (number | undefined)[];
  /** How much to heed the classes: see `guide` in classes.ts. Other than 1 it needs a sampler that was compiled to be guided. */
  readonly guidance?: number;
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
  /** The table that starts from noised images: see `SamplerOptions`. */
  tableOf(strength: number): readonly Row[];
  /** As that of its program. */
  readonly how?: string;
  /** Algorithm 2 of Ho et al. 2020 or a relative: yields after each step; the last `x()` are the samples. */
  draw(options?: Draw): AsyncGenerator<Progress>;
  /** Replaces the weights. */
  write(parameters: State): Promise<void>;
}

/** The objective is the model's. */
export interface SamplerSettings extends Omit<SamplerOptions, "objective" | "strength"> {
  readonly sampler?: SamplerName;
  /** Images a run. */
  readonly batch: number;
  /** Whether draws may have a guidance other than 1, for which a step calls the model twice. */
  readonly guided?: boolean | undefined;
  /** Whether draws keep a part of known images. */
  readonly inpainting?: boolean | undefined;
}

/** The parameters of a configuration's model with their shapes, in the order of use. */
export function parametersOf(config: Config): Scope["parameters"] {
  const scope = new Scope();
  model(scope, input("x", imageShape(config, 1)), input("t", [1], "int32"), config);
  return scope.parameters;
}

interface StepSettings extends Pick<SamplerSettings, "guided" | "inpainting"> {
  readonly clip: boolean;
}

/** One sampler step for `batch` images as a graph: x and the last x0 are variables, so they stay on the device. */
export function samplingStep(config: Config, batch: number, { clip, guided = false, inpainting = false }: StepSettings): Step {
  const shape = imageShape(config, batch);
  const x = variable("x", shape);
  const prediction = (guided ? guidedModel : model)(new Scope(), x, input("t", [1], "int32"), config);
  const row = Object.fromEntries(coefficientNames.map((name) => [name, input(name, [])])) as RowCoefficients;
  const z = gaussian("z", shape);
  const next = samplerStep(x, variable("x0", shape), prediction, z, row, { clip });
  const keeping = (x: Tensor): Tensor => kept(x, z, variable(keptNames.known, shape), variable(keptNames.mask, maskShape(config)));
  return { outputs: {}, updates: { x: inpainting ? keeping(next.x) : next.x, x0: next.x0 } };
}

const maskShape = (config: Config): [number, number, number, number] => [1, config["data.height"], config["data.width"], 1];

/** What the model predicts with the classes that are fed, guided away from what it predicts without; the spread of the variance is that with them. */
function guidedModel(p: Scope, x: Tensor, t: Tensor, config: Config): Tensor {
  const none = array(classRows(config, [undefined]), 1, classWidth(config));
  const channels = config["model.channels"];
  const { prediction, spread } = parts(model(p, x, t, config), channels);
  const without = parts(model(new Scope(), x, t, config, { classes: none }), channels);
  const guided = guide(prediction, without.prediction, input("guidance", []));
  return spread ? concat([guided, spread], 3) : guided;
}

/**
 * Compiles a sampler for the model that `config` describes, with the weights `parameters`. Throws as `rows` and `compile` do, and a TypeError for guidance
 * without classes or of a model that knows nothing else, and for a learned variance that the model has not learned.
 */
export async function compileSampler(
  backend: Backend,
  config: Config,
  parameters: State,
  { sampler = "ddpm", batch, guided = false, inpainting = false, ...options }: SamplerSettings,
): Promise<Sampler> {
  if (guided && classWidth(config) === 0)
    throw new TypeError("Expected a model with classes to guide but found one without; leave guidance out, or train with classes");
  if (guided && !knowsNone(config, parameters))
    throw new TypeError("Expected a model trained without classes, too, to guide but found one of diffusers; leave guidance out, or train it on");
  const { "diffusion.variance": own, "diffusion.objective": objective } = config;
  const { variance = own, clip = samplers[sampler].clip } = options;
  if (variance === "learned" && own !== "learned")
    throw new TypeError("Expected a model that has learned its variance but found one that has not; choose another variance");
  const tableOf = (strength: number): Row[] => rows(sampler, scheduleFor(config), { ...options, clip, variance, objective, strength });
  return compiled(backend, config, parameters, { batch, clip, guided, inpainting, tableOf });
}

/** Compiles DDIM backwards, from the images that a draw is given as `start` to the noise that they come from: see `ddimInversion`. Throws as `inversionRows` and `compile` do. */
export function compileInversion(
  backend: Backend,
  config: Config,
  parameters: State,
  { batch, ...options }: Pick<SamplerSettings, "batch" | "steps" | "spacing" | "sigmaMax">,
): Promise<Sampler> {
  const table = inversionRows(scheduleFor(config), { ...options, objective: config["diffusion.objective"] });
  return compiled(backend, config, parameters, { batch, clip: false, guided: false, inpainting: false, tableOf: () => table });
}

interface Compilation extends Pick<Sampler, "tableOf"> {
  readonly batch: number;
  readonly clip: boolean;
  readonly guided: boolean;
  readonly inpainting: boolean;
}

async function compiled(
  backend: Backend,
  config: Config,
  parameters: State,
  { batch, clip, guided, inpainting, tableOf }: Compilation,
): Promise<Sampler> {
  const table = tableOf(1);
  const zeros = new Float32Array(size(imageShape(config, batch)));
  const images: State = new Map([
    ["x", zeros],
    ["x0", zeros],
    ...(inpainting ? keptState({ known: zeros, mask: new Float32Array(size(maskShape(config))) }) : []),
  ]);
  const program = await backend.compile(samplingStep(config, batch, { clip, guided, inpainting }), new Map([...parameters, ...images]));
  const elements = zeros.length / batch;
  return {
    table,
    tableOf,
    ...(program.how !== undefined && { how: program.how }),
    draw: ({ seed = 0, first = 0, start, guidance = 1, table: rows = table, keep, labels = [], resume } = {}) => {
      const from = resume ?? { step: 0, x: start ?? startNoise(seed, batch, elements, first), x0: zeros };
      if (!Number.isFinite(guidance)) throw new RangeError(`Expected guidance to be a number but found ${guidance}`);
      if (guidance !== 1 && !guided)
        throw new TypeError(`Expected guidance 1 of a sampler compiled without \`guided\` but found ${guidance}; compile it with that`);
      if ((keep !== undefined) !== inpainting)
        throw new TypeError(
          `Expected ${inpainting ? "something" : "nothing"} to keep of a sampler compiled ${inpainting ? "with" : "without"} \`inpainting\` but found it otherwise; compile it so`,
        );
      if (keep && rows.some(({ C, alphaBar, alphaBarNext }) => C !== 0 && alphaBar === alphaBarNext))
        throw new TypeError("Expected a sampler that corrects no step to inpaint with but found one that does; choose any but heun");
      const feeds = { ...classFeeds(config, labels, batch), ...(guided && { guidance: Float64Array.of(guidance) }) };
      return steps(program, rows, batch, { seed, first, from, feeds, keep });
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
  throw new RangeError("Cannot draw without a step");
}

interface Course {
  readonly seed: number;
  readonly first: number;
  readonly from: Reached;
  /** What is the same at every step. */
  readonly feeds: Readonly<Record<string, Numbers>>;
  readonly keep: Kept | undefined;
}

async function* steps(program: Program, table: readonly Row[], batch: number, { seed, first, from, feeds, keep }: Course): AsyncGenerator<Progress> {
  await program.write(new Map([["x", from.x], ["x0", from.x0], ...(keep ? keptState(keep) : [])]));
  const blocks = Math.ceil(from.x.length / batch / 4);
  const read = async (name: string): Promise<Numbers> => (await program.read([name])).get(name)!;
  for (const [i, row] of [...table.entries()].slice(from.step)) {
    const coefficients = Object.fromEntries(coefficientNames.map((name) => [name, Float64Array.of(row[name])]));
    await program.run({
      ...feeds,
      ...(keep && keptFeeds(row)),
      ...coefficients,
      t: Int32Array.of(row.t),
      z: stream(seed, "steps", i, first * blocks),
    });
    yield { step: i + 1, steps: table.length, t: row.t, x: () => read("x"), x0: () => read("x0") };
  }
}
