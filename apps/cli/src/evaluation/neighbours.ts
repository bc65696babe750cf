import type { Dataset } from "@ddpm/core";
import { size } from "@ddpm/core/graph";
import { inBatches } from "./batches.ts";
import { mirrored } from "./features.ts";

/** An image whose neighbour is looked for. */
export interface Seeker {
  readonly image: Uint8Array;
  /** Its own place among those that are searched, which does not count. */
  readonly self?: number;
}

/** The training image that is nearest to another in its pixels. */
export interface Neighbour {
  /** As the model may have seen it. */
  readonly image: Uint8Array;
  /** Root mean square difference, of pixels in [-1, 1]. */
  readonly distance: number;
}

/** The nearest image of a data set to each of others of its size; both ways round where training mirrors. */
export async function neighbours(seekers: readonly Seeker[], dataset: Dataset, flip: boolean): Promise<Neighbour[]> {
  const elements = size([dataset.height, dataset.width, dataset.channels]);
  const best = seekers.map(() => ({ squares: Infinity, image: new Uint8Array(0) }));
  for await (const { first, count, bytes } of inBatches(dataset, { batch: 256, label: "nearest images" })) {
    for (const look of flip ? [bytes, mirrored(bytes, dataset)] : [bytes]) {
      for (let i = 0; i < count; i++) {
        const candidate = look.subarray(i * elements, (i + 1) * elements);
        for (const [k, { image, self }] of seekers.entries()) {
          const squares = self === first + i ? Infinity : squaredDistance(image, candidate, best[k]!.squares);
          if (squares < best[k]!.squares) best[k] = { squares, image: candidate.slice() };
        }
      }
    }
  }
  return best.map(({ squares, image }) => ({ image, distance: Math.sqrt(squares / elements) / 127.5 }));
}

/** The sum of squared differences of bytes; of images that are farther apart than `bound` only part of it, which is beyond. */
function squaredDistance(a: Uint8Array, b: Uint8Array, bound: number): number {
  let sum = 0;
  for (let i = 0; i < a.length && sum < bound; ) for (const end = Math.min(i + 64, a.length); i < end; i++) sum += (a[i]! - b[i]!) ** 2;
  return sum;
}
