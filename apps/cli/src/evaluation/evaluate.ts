import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { openDevice } from "@ddpm/backend-node";
import { type Backend, type Config, defaults, labelsInTurn, scheduleFor } from "@ddpm/core";
import { type Checkpoint, readCheckpoint } from "../checkpoint-file.ts";
import { openDataset } from "../data/index.ts";
import type { Size } from "../data/source.ts";
import { draw, drawBatches, type SamplerFlags } from "../drawing.ts";
import { makeFolder } from "../files.ts";
import { boundOfImages } from "./bound-of-images.ts";
import { type Chosen, featuresOf, RealImages } from "./distances.ts";
import type { Evaluation, Result } from "./evaluation.ts";
import { type Features, type FeaturesOptions, openFeatures } from "./features.ts";
import { allOf, looked, nearnessOf, pixelsOf } from "./nearness.ts";
import { alike, checkPoints, type Point, pointOf, titleOf, usualPoints } from "./point.ts";
import { type RealSets, realSets } from "./real-images.ts";
import { distanceFrom, type ReferenceSolution, referenceFor } from "./reference-solution.ts";
import { writeReport } from "./report.ts";
import { SampleFolder } from "./sample-folder.ts";
import { distancesTold, told } from "./told.ts";

export interface EvaluateOptions extends SamplerFlags, Pick<FeaturesOptions, "pixelScale"> {
  readonly data?: string;
  readonly out?: string;
  readonly samples?: number;
  readonly features?: string;
  readonly reference: number;
  readonly sweep?: true | readonly Point[];
  readonly bound: boolean;
  readonly images: number;
  readonly timesteps?: number;
  readonly device: string;
}

/** Pictures that are drawn unless told: fewer where each takes many model calls. */
const usualSamples = ({ steps }: Point): number => (steps > 50 ? 512 : 2048);

/** Model calls of an image's bits per dimension unless told. */
const usualTimesteps = 60;

/** Evaluates a model. Throws before long work where something cannot be. */
export async function evaluate(place: string, options: EvaluateOptions, given: Partial<Config>): Promise<void> {
  const checkpoint = await readCheckpoint(place, {}, given);
  const { config, path, step } = checkpoint;
  const data = options.data ?? config["data.name"];
  const points = pointsFor(config, options);
  const folder = options.out ?? ((await stat(place)).isDirectory() ? join(place, "evaluation") : `${place.replace(/\.safetensors$/, "")}-evaluation`);
  await makeFolder(folder);
  const sha256 = createHash("sha256")
    .update(await readFile(path))
    .digest("hex");
  await using comparison = await Comparison.open(data, sizeOf(config), config["data.flip"], options, Math.max(...points.map(({ count }) => count)));
  const { backend, sets } = comparison;
  const bound = options.bound ? await boundFor(backend, checkpoint, sets, options, { folder, sha256 }) : undefined;
  const drawer = new Drawer(backend, checkpoint, options, { folder, sha256 });
  const images: Chosen[] = [];
  for (const point of points) images.push(await drawer.draw(point));
  const reference = options.sweep === undefined ? undefined : await drawer.reference(points);
  const { floor, distances } = await comparison.distances(images);
  const results = points.map(({ sampler, steps }, i): Result => {
    const apart = reference?.differences[i];
    return { sampler, steps, images: images[i]!.dataset.name, distances: distances[i]!, ...(apart !== undefined && { fromReference: apart }) };
  });
  const model = { file: path, sha256, ...(step !== undefined && { step }), config };
  const rest = { model, ...(bound && { bound }), ...(reference && { reference: reference.solution }), sampling: drawer.settings };
  await comparison.report(folder, images[0]!, { ...rest, floor, results });
}

/** Evaluates pictures that are drawn already. */
export async function evaluatePictures(place: string, options: EvaluateOptions & { readonly data: string }, given: Partial<Config>): Promise<void> {
  const folder = options.out ?? `${place.replace(/\.zip$/, "")}-evaluation`;
  await makeFolder(folder);
  const wish = { height: given["data.height"], width: given["data.width"] };
  await using comparison = await Comparison.open(options.data, wish, given["data.flip"] ?? defaults["data.flip"], options, options.samples ?? 2048);
  const dataset = await openDataset(place, { ...comparison.size, conditional: false, say });
  const images = { ...allOf(dataset, Math.min(dataset.count, options.samples ?? Infinity)), flip: false };
  const { floor, distances } = await comparison.distances([images]);
  await comparison.report(folder, images, { floor, results: [{ images: place, distances: distances[0]! }], sampling: {} });
}

const say = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

const sizeOf = (config: Config) => ({ height: config["data.height"], width: config["data.width"], channels: config["model.channels"] });

type CountedPoint = Point & { readonly count: number };

function pointsFor(config: Config, { sweep, samples, ...flags }: EvaluateOptions): CountedPoint[] {
  const counted = (point: Point): CountedPoint => ({ ...point, count: samples ?? usualSamples(point) });
  if (sweep === undefined) return [counted(pointOf(config, flags))];
  const points = sweep === true ? usualPoints : sweep;
  checkPoints(config, points);
  return points.map(counted);
}

interface Place {
  readonly folder: string;
  readonly sha256: string;
}

function boundFor(backend: Backend, checkpoint: Checkpoint, { tests }: RealSets, options: EvaluateOptions, { folder, sha256 }: Place) {
  const { images, seed, clip = true, timesteps = Math.min(usualTimesteps, checkpoint.config["diffusion.timesteps"]) } = options;
  return boundOfImages(backend, checkpoint, tests, { images, timesteps, seed, clip, sha256 }, join(folder, "bound.json"));
}

/** Draws a model's images for each point into folders of their own. */
class Drawer {
  readonly #backend: Backend;
  readonly #checkpoint: Checkpoint;
  readonly #flags: Omit<SamplerFlags, "sampler" | "steps">;
  readonly #place: Place;

  constructor(backend: Backend, checkpoint: Checkpoint, { sweep, spacing, eta, sigmaMax, clip, guidance, seed }: EvaluateOptions, place: Place) {
    [this.#backend, this.#checkpoint, this.#place] = [backend, checkpoint, place];
    this.#flags = sweep === undefined ? { spacing, eta, sigmaMax, clip, guidance, seed } : { ...alike, guidance, seed };
  }

  /** What says how images are drawn, besides sampler and steps. */
  get settings(): object {
    return this.#flags;
  }

  async draw({ count, ...point }: CountedPoint): Promise<Chosen> {
    const { config } = this.#checkpoint;
    const shape = [config["data.height"], config["data.width"], config["model.channels"]] as const;
    const path = join(this.#place.folder, "samples", titleOf(point));
    const samples = await SampleFolder.open(path, { sha256: this.#place.sha256, ...point, ...this.#flags }, shape);
    if (!samples.has(0, count)) {
      const drawing = { total: count, labels: labelsInTurn(config, count), label: titleOf(point) };
      const kept = "those drawn are kept: the same command goes on from there";
      const skip = (first: number, count: number): boolean => samples.has(first, count);
      for await (const { first, values } of drawBatches(this.#backend, this.#checkpoint, { ...this.#flags, ...point }, { ...drawing, skip, kept }))
        await samples.save(first, values);
    }
    const dataset = await openDataset(path, { ...sizeOf(config), conditional: false });
    return { ...allOf(dataset, count), flip: false };
  }

  /** How far the first images of each point are from where more steps lead; none where no sampler is deterministic. */
  async reference(points: readonly Point[]): Promise<{ solution: ReferenceSolution; differences: (number | undefined)[] } | undefined> {
    const { config } = this.#checkpoint;
    const deterministic = ({ sampler }: Point): boolean => sampler !== "ddpm"; // DDIM is, since a sweep leaves eta at 0
    if (!points.some(deterministic)) return undefined;
    const calls = points.filter(deterministic).map(({ steps }) => steps);
    const solution = referenceFor(scheduleFor(config), calls, looked);
    const first = (point: Point): Promise<Float32Array> => {
      const drawing = { total: solution.count, labels: labelsInTurn(config, solution.count), label: `${titleOf(point)} again` };
      return draw(this.#backend, this.#checkpoint, { ...this.#flags, ...point }, drawing);
    };
    const images = await first(solution);
    const differences: (number | undefined)[] = [];
    for (const point of points) differences.push(deterministic(point) ? distanceFrom(images, await first({ ...point })) : undefined);
    return { solution, differences };
  }
}

/** The real images and the features that sets of images are compared in. */
class Comparison implements AsyncDisposable {
  readonly backend: Backend;
  readonly sets: RealSets;
  readonly #data: string;
  readonly #features: Features;

  private constructor(data: string, backend: Backend, sets: RealSets, features: Features) {
    [this.#data, this.backend, this.sets, this.#features] = [data, backend, sets, features];
  }

  static async open(
    data: string,
    wish: { readonly height?: number | undefined; readonly width?: number | undefined; readonly channels?: number },
    flip: boolean,
    { device, features: file, pixelScale, reference, seed }: EvaluateOptions,
    unseen: number,
  ): Promise<Comparison> {
    const sets = await realSets(data, { ...wish, flip, most: reference, unseen, seed, say });
    const backend = await openDevice(device, { purpose: "sample", dtype: "float32", say });
    try {
      return new Comparison(data, backend, sets, await openFeatures(backend, data, { file, pixelScale, image: sizeOfImages(sets), say }));
    } catch (error) {
      await backend[Symbol.asyncDispose]();
      throw error;
    }
  }

  get size(): Size {
    return sizeOfImages(this.sets);
  }

  /** Of real images that were not learnt, and of each set of images. */
  async distances(images: readonly Chosen[]): Promise<Pick<Evaluation, "floor"> & { readonly distances: Result["distances"][] }> {
    const { learnt, unseen } = this.sets;
    const real = await RealImages.measure(learnt, this.#features);
    const floor = real.distances(await featuresOf(unseen, this.#features, "real images not learnt"));
    const distances: Result["distances"][] = [];
    for (const chosen of images) {
      distances.push(real.distances(await featuresOf(chosen, this.#features, basename(chosen.dataset.name))));
      say(`${basename(chosen.dataset.name)}: ${distancesTold(distances.at(-1)!)}`);
    }
    return { floor, distances };
  }

  /** Writes the report of what was found, with the first set's images, and tells it. */
  async report(folder: string, first: Chosen, found: Omit<Evaluation, "version" | "data" | "features" | "real" | "nearness">): Promise<void> {
    const { learnt, unseen } = this.sets;
    const [drawn, real] = [await pixelsOf(first), await pixelsOf(unseen)];
    const { nearness, nearest } = await nearnessOf(drawn, real, learnt);
    const { name, size } = this.#features;
    const evaluation: Evaluation = {
      version: 1,
      data: this.#data,
      features: { name, size },
      real: { count: learnt.indices.length * (learnt.flip ? 2 : 1), mirrored: learnt.flip },
      nearness,
      ...found,
    };
    const { height, width, channels } = this.size;
    const images = { shape: [height, width, channels] as const, drawn, real, nearest: nearest.map(({ image }) => image) };
    const page = await writeReport(folder, evaluation, images);
    process.stdout.write(`${told(evaluation).join("\n")}\nReport: ${page}\n`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#features[Symbol.asyncDispose]();
    await this.backend[Symbol.asyncDispose]();
  }
}

const sizeOfImages = ({ learnt: { dataset } }: RealSets): Size => ({
  height: dataset.height,
  width: dataset.width,
  channels: dataset.channels as Size["channels"],
});
