import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { openDevice } from "@ddpm/backend-node";
import { type Backend, type Config, drawingSettings } from "@ddpm/core";
import { defaults } from "@ddpm/core/config";
import { permutation, stream } from "@ddpm/core/random";
import { type Checkpoint, checkpointBytes } from "../checkpoint-file.ts";
import { BrokenImages } from "../data/broken.ts";
import { datasetOf, openSource } from "../data/index.ts";
import { sizeOf } from "../data/size.ts";
import { howToDraw, modelToDraw, type SamplerFlags } from "../drawing.ts";
import { makeFolder } from "../files.ts";
import { say } from "../say.ts";
import { version } from "../version.ts";
import { agree } from "../workers/agreement.ts";
import { type Worker, writes } from "../workers/worker.ts";
import { boundOfImages } from "./bound-of-images.ts";
import { Comparison } from "./comparison.ts";
import type { Chosen } from "./distances.ts";
import { Drawer } from "./drawer.ts";
import type { Point, Result } from "./evaluation.ts";
import type { FeaturesOptions } from "./features.ts";
import { fewestImages } from "./jackknife.ts";
import { alike, pointsFor, usualSamples } from "./point.ts";
import { type RealImagesOf, realImages } from "./real-images.ts";

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

/** What is evaluated, as flags of the configuration say of its size and mirroring. */
export interface Evaluated {
  readonly place: string;
  readonly given: Partial<Config>;
}

/**
 * Evaluates a model. Throws before long work where something cannot be. Of several workers each draws and works out its share, and the first alone compares
 * and writes.
 */
export async function evaluate({ place, given }: Evaluated, options: EvaluateOptions, worker: Worker | undefined): Promise<void> {
  const { checkpoint, sha256 } = await readOnce(place, given);
  const { config, path, step } = checkpoint;
  const how = options.sweep === undefined ? howToDraw(checkpoint, options, "ddim") : drawingSettings(options, { sampler: "ddim" });
  const points = pointsFor(config, how);
  const folder = options.out ?? (await usualFolder(place, step));
  const wish = { ...sizeOf(config), conditional: config["model.classes"].length > 0, flip: config["data.flip"] };
  const data = options.data ?? config["data.name"];
  const real = await realImagesFor(data, options, { ...wish, others: Math.max(...points.map(({ count }) => count)) });
  await using backend = await openDevice(options.device, { purpose: "sample", dtype: "float32", threads: worker?.cores, cluster: worker, say });
  await using comparison = writes(worker) ? await compare(backend, data, options, real) : undefined;
  const { sweep, spacing, eta, sigmaMax, clip, rederive, guidance, seed } = how;
  const flags = sweep === undefined ? { spacing, eta, sigmaMax, clip, rederive, guidance, seed } : { ...alike, guidance, seed };
  if (backend.workers) {
    const { images, timesteps, clip } = options;
    const bound = options.bound && { images, timesteps, clip };
    await agree(backend, { sha256, config, points, sweep, ...flags, data, bound, device: backend.name, version });
  }
  const own = comparison && folder;
  const drawer = await Drawer.open(checkpoint, points, { flags, like: real.training, folder: own, sha256 });
  const bound = options.bound ? await boundFor(backend, checkpoint, real, options, { folder: own, sha256 }) : undefined;
  await drawer.draw(backend);
  const reference = sweep === undefined ? undefined : await drawer.reference(backend);
  if (!comparison) return;
  const images = await drawer.drawn();
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
export async function evaluatePictures({ place, given }: Evaluated, options: EvaluateOptions & { readonly data: string }): Promise<void> {
  const { samples = usualSamples(), seed } = options;
  const broken = new BrokenImages({ strict: true, advice: "take it away, or mend it" });
  const source = await openSource(place, "all");
  if (source.count < fewestImages)
    throw new RangeError(`Expected at least ${fewestImages} pictures in ${place} but found ${source.count}; choose a folder with more`);
  const count = Math.min(source.count, samples);
  const wish = { height: given["data.height"], width: given["data.width"], conditional: false, flip: given["data.flip"] ?? defaults["data.flip"] };
  const real = await realImagesFor(options.data, options, { ...wish, others: count });
  await using backend = await openDevice(options.device, { purpose: "sample", dtype: "float32", say });
  await using comparison = await compare(backend, options.data, options, real);
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

const realImagesFor = (data: string, { reference: most, seed }: EvaluateOptions, wish: Wish): Promise<RealImagesOf> =>
  realImages(data, { ...wish, most, seed });

const compare = (backend: Backend, data: string, { features: file, pixelScale }: EvaluateOptions, real: RealImagesOf): Promise<Comparison> =>
  Comparison.open(backend, data, { file, pixelScale, real });

function boundFor(
  backend: Backend,
  checkpoint: Checkpoint,
  { tests }: RealImagesOf,
  options: EvaluateOptions,
  { folder, sha256 }: { readonly folder: string | undefined; readonly sha256: string },
) {
  const { images, seed, clip = true, timesteps = Math.min(usualTimesteps, checkpoint.config["diffusion.timesteps"]) } = options;
  const file = folder === undefined ? undefined : join(folder, "bound.json");
  return boundOfImages(backend, checkpoint, tests, { images, timesteps, seed, clip, sha256 }, file);
}
