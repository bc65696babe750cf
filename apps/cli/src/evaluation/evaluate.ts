import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { type Backend, type Config, drawingSettings } from "@ddpm/core";
import { defaults } from "@ddpm/core/config";
import { permutation, stream } from "@ddpm/core/random";
import { type Checkpoint, checkpointBytes } from "../checkpoint-file.ts";
import { BrokenImages } from "../data/broken.ts";
import { datasetOf, openSource } from "../data/index.ts";
import { sizeOf } from "../data/size.ts";
import { howToDraw, modelToDraw, type SamplerFlags } from "../drawing.ts";
import { makeFolder } from "../files.ts";
import { boundOfImages } from "./bound-of-images.ts";
import { Comparison } from "./comparison.ts";
import type { Chosen } from "./distances.ts";
import { Drawer } from "./drawer.ts";
import type { Point, Result } from "./evaluation.ts";
import type { FeaturesOptions } from "./features.ts";
import { fewestImages } from "./jackknife.ts";
import { alike, pointsFor, usualSamples } from "./point.ts";

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

/** Model calls of an image's bits per dimension unless told. */
const usualTimesteps = 60;

/** Evaluates a model. Throws before long work where something cannot be. */
export async function evaluate(place: string, options: EvaluateOptions, given: Partial<Config>): Promise<void> {
  const { checkpoint, sha256 } = await readOnce(place, given);
  const { config, path, step } = checkpoint;
  const how = options.sweep === undefined ? howToDraw(checkpoint, options, "ddim") : drawingSettings(options, { sampler: "ddim" });
  const points = pointsFor(config, how);
  const folder = options.out ?? (await usualFolder(place, step));
  const wish = { ...sizeOf(config), conditional: config["model.classes"].length > 0, flip: config["data.flip"] };
  await using comparison = await compare(options.data ?? config["data.name"], options, {
    ...wish,
    others: Math.max(...points.map(({ count }) => count)),
  });
  const { backend, real } = comparison;
  const { sweep, spacing, eta, sigmaMax, clip, rederive, guidance, seed } = how;
  const flags = sweep === undefined ? { spacing, eta, sigmaMax, clip, rederive, guidance, seed } : { ...alike, guidance, seed };
  const drawer = await Drawer.open(checkpoint, points, { flags, like: real.training, folder, sha256 });
  const bound = options.bound ? await boundFor(backend, checkpoint, comparison, options, { folder, sha256 }) : undefined;
  const images = await drawer.draw(backend);
  const reference = sweep === undefined ? undefined : await drawer.reference(backend);
  const { floor, distances } = await comparison.distances(images);
  const results = points.map(({ sampler, steps }, i): Result => {
    const apart = reference?.differences[i];
    return { sampler, steps, images: images[i]!.dataset.name, distances: distances[i]!, ...(apart !== undefined && { fromReference: apart }) };
  });
  const model = { file: path, sha256, ...(step !== undefined && { step }), config: { ...config } };
  const rest = { model, ...(bound && { bound }), ...(reference && { reference: reference.solution }), sampling: flags };
  await comparison.report(folder, images[0]!, { ...rest, floor, results });
}

/** A checkpoint and the sum of the bytes that it is of, also where a training run writes another meanwhile. */
async function readOnce(place: string, given: Partial<Config>): Promise<{ readonly checkpoint: Checkpoint; readonly sha256: string }> {
  const read = await checkpointBytes(place);
  const hash = createHash("sha256");
  for (const bytes of read.files.values()) hash.update(bytes);
  return { checkpoint: modelToDraw(read, {}, given), sha256: hash.digest("hex") };
}

/** Beside a checkpoint; of a run one for each step, since it trains on. */
async function usualFolder(place: string, step: number | undefined): Promise<string> {
  if (!(await stat(place)).isDirectory()) return `${place.replace(/\.safetensors$/, "")}-evaluation`;
  return join(place, "evaluation", `step-${String(step ?? 0).padStart(6, "0")}`);
}

/** Evaluates pictures that are drawn already. */
export async function evaluatePictures(place: string, options: EvaluateOptions & { readonly data: string }, given: Partial<Config>): Promise<void> {
  const { samples = usualSamples(), seed } = options;
  const broken = new BrokenImages({ strict: true, advice: "take it away, or mend it" });
  const source = await openSource(place, "all");
  if (source.count < fewestImages)
    throw new RangeError(`Expected at least ${fewestImages} pictures in ${place} but found ${source.count}; choose a folder with more`);
  const count = Math.min(source.count, samples);
  const wish = { height: given["data.height"], width: given["data.width"], conditional: false, flip: given["data.flip"] ?? defaults["data.flip"] };
  await using comparison = await compare(options.data, options, { ...wish, others: count });
  const dataset = await datasetOf(source, { ...comparison.size, conditional: false, broken });
  const images: Chosen = { dataset, indices: permutation(stream(seed, "evaluation", 3), dataset.count).subarray(0, count), flip: false };
  const folder = options.out ?? `${place.replace(/\.zip$/, "")}-evaluation`;
  await makeFolder(folder);
  const { floor, distances } = await comparison.distances([images]);
  await comparison.report(folder, images, { floor, results: [{ images: place, distances: distances[0]! }], sampling: {} });
}

interface Wish {
  readonly height?: number | undefined;
  readonly width?: number | undefined;
  readonly channels?: number;
  readonly conditional: boolean;
  readonly flip: boolean;
  readonly others: number;
}

const compare = (data: string, { device, features: file, pixelScale, reference: most, seed }: EvaluateOptions, wish: Wish): Promise<Comparison> =>
  Comparison.open(data, { device, file, pixelScale, real: { ...wish, most, seed } });

function boundFor(
  backend: Backend,
  checkpoint: Checkpoint,
  { real }: Comparison,
  options: EvaluateOptions,
  { folder, sha256 }: { readonly folder: string; readonly sha256: string },
) {
  const { images, seed, clip = true, timesteps = Math.min(usualTimesteps, checkpoint.config["diffusion.timesteps"]) } = options;
  return boundOfImages(backend, checkpoint, real.tests, { images, timesteps, seed, clip, sha256 }, join(folder, "bound.json"));
}
