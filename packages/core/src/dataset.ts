import { lossWeights } from "./loss.ts";
import { permutation, philox, stream } from "./random.ts";

/** Images of one size. */
export interface Dataset {
  readonly name: string;
  readonly count: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** Image `index` as bytes 0 to 255, [height, width, channels]. */
  pixels(index: number): Uint8Array;
}

export interface BatchOptions {
  readonly seed: number;
  readonly batch: number;
  /** Which step, from 1. */
  readonly step: number;
  /** Whether each image is mirrored with probability 1/2. */
  readonly flip: boolean;
}

export interface DatasetBatch {
  /** [batch, height, width, channels] in [-1, 1]. */
  readonly images: Float32Array;
  /** Weight of each image's loss: see `lossWeights`; 0 for the padding of an epoch's last batch. */
  readonly weights: Float32Array;
  readonly epoch: number;
  /** Images that are no padding. */
  readonly count: number;
}

export const stepsPerEpoch = ({ count }: Dataset, batch: number): number => Math.ceil(count / batch);

/** The batch of a step: a function of seed and step alone. Every epoch has a new order. */
export function batch(dataset: Dataset, { seed, batch, step, flip }: BatchOptions): DatasetBatch {
  const perEpoch = stepsPerEpoch(dataset, batch);
  const epoch = Math.floor((step - 1) / perEpoch);
  const first = ((step - 1) % perEpoch) * batch;
  const order = epochOrder(dataset, seed, epoch).subarray(first, first + batch);
  const size = dataset.height * dataset.width * dataset.channels;
  const images = new Float32Array(batch * size);
  const flips = philox(stream(seed, "flips", step), order.length);
  for (const [i, index] of order.entries()) {
    const target = images.subarray(i * size, (i + 1) * size);
    normalise(dataset, dataset.pixels(index), target, flip && (flips[i]! & 1) === 1);
  }
  return { images, weights: lossWeights(batch, order.length, size), epoch, count: order.length };
}

/** The last order of each data set, since all steps of an epoch share it. */
const orders = new WeakMap<Dataset, { readonly key: string; readonly order: Uint32Array }>();

function epochOrder(dataset: Dataset, seed: number, epoch: number): Uint32Array {
  const key = `${seed} ${epoch}`;
  const last = orders.get(dataset);
  if (last?.key === key) return last.order;
  const order = permutation(stream(seed, "order", epoch), dataset.count);
  orders.set(dataset, { key, order });
  return order;
}

/** Bytes to [-1, 1], mirrored if asked. */
function normalise({ width, channels }: Dataset, pixels: Uint8Array, target: Float32Array, mirror: boolean): void {
  for (let i = 0; i < pixels.length; i++) {
    const column = Math.floor(i / channels) % width;
    const from = mirror ? i + (width - 1 - 2 * column) * channels : i;
    target[i] = pixels[from]! / 127.5 - 1;
  }
}
