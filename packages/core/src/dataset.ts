import { lossWeights } from "./loss.ts";
import { permutation, philox, stream, uniforms } from "./random.ts";

/** Images of one size, in memory or read when they are asked for. */
export interface Dataset {
  readonly name: string;
  readonly count: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** Names of the classes, where the data have any. */
  readonly classes?: readonly string[];
  /** The class of image `index`. */
  readonly label?: (index: number) => number;
  /** There where random access to single images is slow. */
  readonly runs?: Runs;
  /** Image `index` as bytes 0 to 255, [height, width, channels]. `place` in [0, 1) is where one that crops at random cuts, from the left or top end. */
  pixels(index: number, place: number): Uint8Array | Promise<Uint8Array>;
}

/** A data set whose images are there at once. */
export interface InMemoryDataset extends Dataset {
  pixels(index: number): Uint8Array;
}

/** Images that are quick to read together: run k begins with image `starts[k]`. The order of an epoch needs `window` + 1 runs at a time, no more. */
export interface Runs {
  readonly starts: readonly number[];
  readonly window: number;
}

/** Which batch of a data set. */
export interface BatchOptions {
  readonly seed: number;
  readonly batch: number;
  /** Which step, from 1. */
  readonly step: number;
  /** Whether each image is mirrored with probability 1/2. */
  readonly flip: boolean;
  /** Places in the step of the images asked for, -1 for none: see `placesOfStep`. All by default. */
  readonly places?: ArrayLike<number>;
}

/** Images of a step as training takes them. */
export interface DatasetBatch {
  /** [places, height, width, channels] in [-1, 1]. */
  readonly images: Float32Array;
  /** Weight of each image's loss: see `lossWeights`; 0 where there is no image, as at the end of an epoch's last batch. */
  readonly weights: Float32Array;
  /** Class of each image, where the data have classes; 0 where there is no image. */
  readonly labels?: readonly number[];
  readonly epoch: number;
  /** Images of the whole step. */
  readonly count: number;
}

/** Steps of `batch` images each that see every image once; the last may be partial. */
export const stepsPerEpoch = ({ count }: Dataset, batch: number): number => Math.ceil(count / batch);

/**
 * The batch of a step: order, flips and crops are functions of seed, step and place alone. Every epoch has a new order. Rejects where an image cannot be
 * read; only those asked for are.
 */
export async function batch(
  dataset: Dataset,
  { seed, batch, step, flip, places = Array.from({ length: batch }, (_, i) => i) }: BatchOptions,
): Promise<DatasetBatch> {
  const perEpoch = stepsPerEpoch(dataset, batch);
  const epoch = Math.floor((step - 1) / perEpoch);
  const first = ((step - 1) % perEpoch) * batch;
  const order = epochOrder(dataset, seed, epoch).subarray(first, first + batch);
  const size = dataset.height * dataset.width * dataset.channels;
  const images = new Float32Array(places.length * size);
  const flips = philox(stream(seed, "flips", step), order.length);
  const crops = uniforms(stream(seed, "crops", step), order.length);
  const pixels = await Promise.all(
    Array.from(places, (place) => (order[place] === undefined ? undefined : dataset.pixels(order[place], crops[place]!))),
  );
  for (const [i, bytes] of pixels.entries()) {
    if (bytes) normalise(dataset, bytes, images.subarray(i * size, (i + 1) * size), flip && (flips[places[i]!]! & 1) === 1);
  }
  const labels = dataset.label && Array.from(places, (place) => (order[place] === undefined ? 0 : dataset.label!(order[place])));
  const all = lossWeights(batch, order.length, size);
  const weights = Float32Array.from(places, (place) => all[place] ?? 0);
  return { images, weights, ...(labels && { labels }), epoch, count: order.length };
}

/** The last order of each data set, since all steps of an epoch share it. */
const orders = new WeakMap<Dataset, { readonly key: string; readonly order: Uint32Array }>();

function epochOrder(dataset: Dataset, seed: number, epoch: number): Uint32Array {
  const key = `${seed} ${epoch}`;
  const last = orders.get(dataset);
  if (last?.key === key) return last.order;
  const order = dataset.runs ? windowed(dataset.count, dataset.runs, seed, epoch) : permutation(stream(seed, "order", epoch), dataset.count);
  orders.set(dataset, { key, order });
  return order;
}

/**
 * Runs in random order, each spread at random over its own turn and the next `window` - 1, where the first follow the last.
 * As random as a permutation where the window holds all runs.
 */
function windowed(count: number, { starts, window }: Runs, seed: number, epoch: number): Uint32Array {
  const turns = permutation(stream(seed, "order", epoch), starts.length);
  const delays = uniforms(stream(seed, "order", epoch, 2 ** 32), count);
  const times = new Float64Array(count);
  for (const [run, start] of starts.entries()) {
    for (let i = start; i < (starts[run + 1] ?? count); i++) {
      times[i] = (turns[run]! + Math.min(window, starts.length) * delays[i]!) % starts.length;
    }
  }
  return Uint32Array.from({ length: count }, (_, i) => i).sort((a, b) => times[a]! - times[b]!);
}

/** Bytes to [-1, 1], mirrored if asked. */
function normalise({ width, channels }: Dataset, pixels: Uint8Array, target: Float32Array, mirror: boolean): void {
  for (let i = 0; i < pixels.length; i++) {
    const column = Math.floor(i / channels) % width;
    const from = mirror ? i + (width - 1 - 2 * column) * channels : i;
    target[i] = pixels[from]! / 127.5 - 1;
  }
}
