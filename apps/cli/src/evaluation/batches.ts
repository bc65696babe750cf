import type { Dataset } from "@ddpm/core";
import { size } from "@ddpm/core/graph";
import { progress } from "../progress.ts";

export interface BatchesOptions {
  /** Images of a batch; the last is filled up with zeros. */
  readonly batch: number;
  /** What the progress bar calls it. */
  readonly label: string;
  /** Which images, all by default. */
  readonly indices?: ArrayLike<number>;
}

export interface ImageBatch {
  /** Place of the first image among those asked for, and how many are no filling. */
  readonly first: number;
  readonly count: number;
  /** [count, height, width, channels]. */
  readonly bytes: Uint8Array;
  /** [batch, height, width, channels] in [-1, 1]. */
  readonly images: Float32Array;
}

/** The images of a data set in its order. Throws where one cannot be read. */
export async function* inBatches(dataset: Dataset, { batch, label, indices }: BatchesOptions): AsyncGenerator<ImageBatch> {
  const { height, width, channels } = dataset;
  const elements = size([height, width, channels]);
  const total = indices?.length ?? dataset.count;
  using line = progress(label, total);
  for (let first = 0; first < total; first += batch) {
    const count = Math.min(batch, total - first);
    const bytes = new Uint8Array(count * elements);
    const pixels = await Promise.all(Array.from({ length: count }, (_, i) => dataset.pixels(indices?.[first + i] ?? first + i, 0.5)));
    for (const [i, image] of pixels.entries()) bytes.set(image, i * elements);
    const images = new Float32Array(batch * elements);
    images.set(Float32Array.from(bytes, (byte) => byte / 127.5 - 1));
    yield { first, count, bytes, images };
    line.update(first + count);
  }
}
