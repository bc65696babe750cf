import {
  alone,
  type Backend,
  type Config,
  compileSampler,
  type DrawingSettings,
  drawingSettings,
  evenBatch,
  Gathering,
  imageShape,
  type Numbers,
  noised,
  repaint,
  roundsOf,
  type Sampler,
  type SchedulerDrawing,
} from "@ddpm/core";
import { unclippedWarning } from "@ddpm/core/config";
import { type Row, type SamplerName, samplerNames, samplers, spacingNames } from "@ddpm/core/diffusion";
import { size } from "@ddpm/core/graph";
import { startNoise } from "@ddpm/core/random";
import { type Command, Option } from "commander";
import { type Checkpoint, checkpointBytes, checkpointIn } from "./checkpoint-file.ts";
import { checkLabels } from "./class-labels.ts";
import { watchInterrupts } from "./interrupt.ts";
import { count, number, parserOf, share, sigmaMaxOption } from "./options.ts";
import { noProgress, progress } from "./progress.ts";
import { say } from "./say.ts";
import type { Trajectory } from "./trajectory.ts";
import { UsageError } from "./usage-error.ts";
import { digestOf, toldByFirst } from "./workers/agreement.ts";
import { stopIfAsked } from "./workers/stopping.ts";

/** What the flags of `samplerOptions` say. */
export interface SamplerFlags extends Partial<DrawingSettings> {
  readonly steps?: number | undefined;
  readonly eta?: number | undefined;
  readonly sigmaMax?: number | undefined;
  readonly guidance: number;
  readonly seed: number;
}

/** How to draw: see `howToDraw`. */
export type Sampling = SamplerFlags & DrawingSettings;

const usualSteps = samplerNames.map((name) => `${name} ${Number.isFinite(samplers[name].steps) ? samplers[name].steps : "all timesteps"}`).join(", ");
const usualSpacings = samplerNames.map((name) => `${name} ${samplers[name].spacing}`).join(", ");
const clipping = samplerNames.filter((name) => samplers[name].clip).join(", ");

/** The flag of the sampler of a command that draws as usual, or as the scheduler of a model from diffusers does. */
export const samplerOption = (usual: SamplerName): Option => samplerChoice(` (${usual}, or that of a model from diffusers)`);

/** The flag of the sampler of a command that needs one unless told. */
export const ownSamplerOption = (own: SamplerName): Option => samplerChoice("").default(own);

const samplerChoice = (usual: string): Option => new Option("--sampler <name>", `ddpm: all steps; the others: few${usual}`).choices(samplerNames);

/** Adds the flags that say how to draw. */
export const samplerOptions = (command: Command, sampler: Option): Command =>
  command
    .addOption(sampler)
    .addOption(new Option("--steps <n>", `model calls (${usualSteps})`).argParser(count))
    .addOption(new Option("--spacing <name>", `which levels of noise (${usualSpacings})`).choices(spacingNames))
    .addOption(new Option("--eta <x>", "DDIM's noise: 0 none, 1 as much as DDPM").argParser(share))
    .addOption(sigmaMaxOption())
    .option("--clip", `clip the predicted x0 to [-1, 1] at each step (${clipping} do)`)
    .option("--no-clip", "do not: the notebook's rule")
    .option("--rederive", "let DDIM's eps follow from x0 where that is clipped, as it does unless told or a model from diffusers says otherwise")
    .option("--no-rederive", "leave DDIM's eps as predicted where x0 is clipped, as diffusers does")
    .addOption(new Option("--guidance <x>", "how much to heed the class: 1 plainly, 2 to 5 more, at twice the time").argParser(number).default(1))
    .addOption(new Option("--seed <n>", "the same seed draws the same images").argParser(parserOf("seed")).default(0));

/** The flags that a command is given; commander gives those that are true or false a value even where neither is used. */
export function samplerFlags<T extends SamplerFlags>(command: Command, flags: T): T {
  const given = (key: "clip" | "rederive"): boolean | undefined => (command.getOptionValueSource(key) === "cli" ? flags[key] : undefined);
  return { ...flags, clip: given("clip"), rederive: given("rederive") };
}

/**
 * How to draw with a model: as flags say, and else as its scheduler in diffusers does (see `drawingSettings`), of which it tells what that is. Throws a
 * UsageError where only DDIM has what they ask for.
 */
export function howToDraw<T extends Partial<DrawingSettings>>(
  { drawing }: Pick<Checkpoint, "drawing">,
  flags: T,
  usual: SamplerName,
): T & DrawingSettings {
  const settled = drawingSettings(flags, { sampler: usual }, drawing?.settings);
  const { sampler } = settled;
  if (flags.rederive !== undefined && sampler !== "ddim") {
    const flag = flags.rederive ? "--rederive" : "--no-rederive";
    throw new UsageError(`Expected ${flag} with --sampler ddim alone but found it with ${sampler}; choose ddim, or leave ${flag} out`);
  }
  if (drawing) for (const line of takenFrom(drawing, flags, sampler)) say(line);
  return settled;
}

/** What is taken of a scheduler where flags leave it to that, and what of that is not as there, a line each. */
function takenFrom({ name, settings, differences }: SchedulerDrawing, flags: Partial<DrawingSettings>, sampler: SamplerName): string[] {
  if (settings && settings.sampler !== sampler)
    return [`Nothing is taken from the model's ${name}, which draws with ${settings.sampler} and not with ${sampler}`];
  if (!settings && flags.sampler !== undefined) return [];
  const taken = Object.entries(settings ?? {}).filter(([key]) => flags[key as keyof DrawingSettings] === undefined);
  return [
    ...(taken.length > 0 ? [`From the model's ${name}: ${flagsOf(Object.fromEntries(taken))}`] : []),
    ...differences.map((difference) => `Of the model's ${name}: ${difference}`),
  ];
}

/** Settings as the flags that say the same. */
const flagsOf = (settings: Partial<DrawingSettings>): string =>
  Object.entries(settings)
    .map(([key, value]) => (typeof value === "boolean" ? `--${value ? "" : "no-"}${key}` : `--${key} ${value}`))
    .join(" ");

/** Throws a UsageError for guidance without a class, which would change nothing and take twice the time. */
export function checkGuidance({ guidance, class: name }: { readonly guidance: number; readonly class?: string }): void {
  if (guidance !== 1 && name === undefined) throw new UsageError("Expected --class with --guidance but found none; add --class, such as --class all");
}

/** What to draw; NHWC values in [-1, 1] of all images. */
export interface Drawing {
  readonly total: number;
  readonly labels?: readonly (number | undefined)[] | undefined;
  /** x_T of each image in place of drawn noise. */
  readonly start?: Float32Array | undefined;
  readonly edit?: Edit | undefined;
  readonly trajectory?: Trajectory | undefined;
  /** What the progress bar calls it. */
  readonly label?: string;
  /** Whether so many images from number `first` on need not be drawn, as the first worker knows; all batches are then of one size, whatever the total. */
  readonly skip?: ((first: number, count: number) => boolean) | undefined;
  /** What Ctrl-C is told of the images that are drawn already. */
  readonly kept?: string;
}

/** Images to start from, noised as far as `strength` says; what to keep of them, and how often to go over what is drawn. */
export interface Edit {
  readonly images: Float32Array;
  readonly strength: number;
  /** [height, width]: 1 is drawn, 0 kept. */
  readonly mask?: Float32Array | undefined;
  readonly repaint: number;
}

/** Images that a run draws, or inverts, at most. */
export const mostAtOnce = 64;

/** Draws all; NHWC values. */
export async function draw(backend: Backend, checkpoint: Checkpoint, flags: Sampling, drawing: Drawing): Promise<Float32Array> {
  const elements = size(imageShape(checkpoint.config, 1));
  const out = new Float32Array(drawing.total * elements);
  for await (const { first, values } of drawBatches(backend, checkpoint, flags, drawing)) out.set(values, first * elements);
  return out;
}

/** Images that were drawn together: NHWC values of those that were asked for, and the number of the first. */
export interface DrawnBatch {
  readonly first: number;
  readonly values: Float32Array;
}

/**
 * Draws in batches of one size, the last one padded, and skips those that need not be drawn. Of several workers each draws a batch of every round, and all
 * of them have all images. Throws an Interrupted after Ctrl-C.
 */
export async function* drawBatches(backend: Backend, checkpoint: Checkpoint, flags: Sampling, drawing: Drawing): AsyncGenerator<DrawnBatch> {
  const { total, labels = [], edit, trajectory, label = "sample", skip, kept = "nothing is written" } = drawing;
  checkLabels(checkpoint, labels, total);
  const { workers = alone } = backend;
  const { config, parameters } = checkpoint;
  const batch = skip ? mostAtOnce : evenBatch(total, mostAtOnce, workers);
  const rounds = roundsOf(await missing(backend, total, batch, skip), workers);
  if (rounds.length === 0) return;
  const elements = size(imageShape(config, 1));
  const { seed, guidance, ...how } = flags;
  const settings = { ...how, batch, guided: guidance !== 1, inpainting: edit?.mask !== undefined };
  await using sampler = await compileSampler(backend, config, parameters, settings);
  await using gathering = await Gathering.compile(backend, batch * elements);
  const first = workers.rank === 0;
  const warning = (flags.clip ?? samplers[flags.sampler].clip) ? undefined : unclippedWarning(sampler.table);
  if (warning && first) process.stderr.write(`${warning}: --clip, --sigma-max 80\n`);
  const table = tableOf(sampler, edit);
  trajectory?.begin({ table, shape: imageShape(config, total), fromImages: edit !== undefined && noises(edit) });
  using line = first ? progress(label, rounds.length * table.length) : noProgress;
  using interruption = watchInterrupts(`Stopping after this step; ${kept}`);
  for (const [i, round] of rounds.entries()) {
    const own = round[workers.rank];
    const course =
      own === undefined ? idle(table.length, batch * elements) : courseOf({ sampler, table, batch, elements, first: own }, flags, drawing);
    for await (const { step, x } of course) {
      if (step > 0) line.update(i * table.length + step);
      stopIfAsked(backend, interruption);
      if (step < table.length && !trajectory?.shows(step)) continue;
      const all = await gathering.all(await x());
      for (const [rank, first] of round.entries()) {
        trajectory?.after(step, first, all[rank]!);
        if (step === table.length) yield { first, values: Float32Array.from(all[rank]!.subarray(0, (total - first) * elements)) };
      }
    }
  }
}

/** Numbers of the first images of those batches that are to be drawn. */
async function missing(backend: Backend, total: number, batch: number, skip: Drawing["skip"]): Promise<number[]> {
  const firsts = Array.from({ length: Math.ceil(total / batch) }, (_, i) => i * batch);
  if (!skip) return firsts;
  const wanted = await toldByFirst(
    backend,
    Float32Array.from(firsts, (first) => Number(!skip(first, Math.min(batch, total - first)))),
  );
  return firsts.filter((_, i) => wanted[i] === 1);
}

/** What a step, from 0, has made of a batch. */
interface Drawn {
  readonly step: number;
  readonly x: () => Promise<Numbers>;
}

interface BatchDrawing {
  readonly sampler: Sampler;
  readonly table: readonly Row[];
  readonly batch: number;
  /** Of an image. */
  readonly elements: number;
  readonly first: number;
}

/** Draws one batch. */
async function* courseOf(
  { sampler, table, batch, elements, first }: BatchDrawing,
  { seed, guidance }: Sampling,
  { labels = [], start, edit }: Drawing,
): AsyncGenerator<Drawn> {
  const part = (all: Float32Array): Float32Array => padded(all.subarray(first * elements, (first + batch) * elements), batch * elements);
  const from = edit && noises(edit) ? noised(part(edit.images), { row: table[0]!, count: batch, seed, first }) : start && part(start);
  const x = from ?? startNoise(seed, batch, elements, first);
  const keep = edit?.mask && { known: part(edit.images), mask: edit.mask };
  yield { step: 0, x: async () => x };
  yield* sampler.draw({ seed, first, start: x, table, labels: labels.slice(first, first + batch), guidance, ...(keep && { keep }) });
}

/** The steps of a worker for whom there is no batch left in a round. */
async function* idle(steps: number, length: number): AsyncGenerator<Drawn> {
  for (let step = 0; step <= steps; step++) yield { step, x: async () => new Float32Array(length) };
}

/** All that says what is drawn, for workers to agree on. */
export function factsOf({ config, parameters }: Checkpoint, flags: Sampling, { total, labels = [], start, edit }: Drawing): Record<string, unknown> {
  const { sampler, steps, spacing, eta, sigmaMax, clip, rederive, guidance, seed } = flags;
  const { images, mask, ...editing } = edit ?? {};
  const digests = Object.entries({ start, images, mask }).flatMap(([name, values]) => (values ? [[name, digestOf(values)]] : []));
  const weights = digestOf(...[...parameters].flatMap(([name, values]) => [new TextEncoder().encode(name), values]));
  const how = { sampler, steps, spacing, eta, sigmaMax, clip, rederive, guidance, seed };
  return {
    ...config,
    weights,
    ...how,
    total,
    labels: digestOf(Int32Array.from(labels, (label) => label ?? -1)),
    ...editing,
    ...Object.fromEntries(digests),
  };
}

/** What is drawn anew in whole starts from noise alone, as RePaint does. */
const noises = ({ mask, strength }: Edit): boolean => mask === undefined || strength < 1;

function tableOf(sampler: Sampler, edit?: Edit): readonly Row[] {
  if (!edit) return sampler.table;
  const table = sampler.tableOf(edit.strength);
  return edit.mask ? repaint(table, { times: edit.repaint }) : table;
}

/** Values, then zeros up to a length. */
export function padded(values: Float32Array, length: number): Float32Array {
  const out = new Float32Array(length);
  out.set(values);
  return out;
}

/** As `readCheckpoint`, of a model to draw with: tells what is taken of it that no file says. */
export async function readToDraw(place: string, ...told: Partial<Config>[]): Promise<Checkpoint> {
  return modelToDraw(await checkpointBytes(place), ...told);
}

/** As `readToDraw`, of bytes that are read already. */
export function modelToDraw(...args: Parameters<typeof checkpointIn>): Checkpoint {
  const checkpoint = checkpointIn(...args);
  tellAssumed(checkpoint);
  return checkpoint;
}

/** Tells what is taken of a model that no file says, and how it is drawn from unless told. */
export function tellOf(model: Pick<Checkpoint, "ours" | "config" | "drawing">): void {
  tellAssumed(model);
  const { name, settings, differences } = model.drawing ?? { differences: [] };
  if (settings) say(`Unless told it is drawn as by its ${name}: ${flagsOf(settings)}`);
  for (const difference of differences) say(`Of its ${name}: ${difference}`);
}

function tellAssumed({ ours, config }: Pick<Checkpoint, "ours" | "config">): void {
  if (!ours) say(`The file does not say how the model was trained; taking ${assumed(config)}`);
}

const assumed = (config: Config): string =>
  (["diffusion.schedule", "diffusion.timesteps", "diffusion.objective", "data.height", "data.width"] as const)
    .map((key) => `--${key} ${config[key]}`)
    .join(" ");
