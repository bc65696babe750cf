import { type Dataset, size } from "@ddpm/core";
import { inBatches } from "./batches.ts";
import type { Estimate } from "./estimate.ts";
import { type Features, mirrored } from "./features.ts";
import { FrechetDistance, type FrechetEstimate, Sums } from "./frechet-distance.ts";
import { KernelDistance } from "./kernel-distance.ts";
import { joined, rowsOf, type Vectors } from "./vectors.ts";

/** How far a set of images is from the real ones. */
export interface Distances {
  /** Images of the set. */
  readonly count: number;
  /** None where there are no more images than features: no normal distribution follows from so few. */
  readonly fid?: FrechetEstimate;
  readonly kid: Estimate;
}

/** Real images whose features are kept for the kernel distance, for which each is compared with each. */
const mostForKernel = 5000;

/** Images that are read at a time. */
const atOnce = 256;

/** Which images of a data set, and whether they may be mirrored, as training did. */
export interface Chosen {
  readonly dataset: Dataset;
  readonly indices: ArrayLike<number>;
  readonly flip: boolean;
}

/** The real images, as training shows them: where it mirrors at random, both ways. */
export class RealImages {
  readonly count: number;
  readonly #kernel: KernelDistance;
  readonly #frechet: FrechetDistance | undefined;

  private constructor(count: number, kept: Vectors, frechet: FrechetDistance | undefined) {
    [this.count, this.#kernel, this.#frechet] = [count, new KernelDistance(kept), frechet];
  }

  static async measure({ dataset, indices, flip }: Chosen, features: Features): Promise<RealImages> {
    const sums = new Sums(features.size);
    const every = Math.ceil(indices.length / mostForKernel);
    const kept: Float32Array[] = [];
    for await (const { first, count, bytes } of inBatches(dataset, { batch: atOnce, label: "real images", indices })) {
      const found: Float32Array[] = [];
      for (const look of flip ? [bytes, mirrored(bytes, dataset)] : [bytes]) found.push(await features.of(look, count));
      for (const values of found) sums.add({ values, size: features.size });
      for (let i = 0; i < count; i++) {
        const at = first + i;
        if (at % every === 0) kept.push(found[(at / every) % found.length]!.slice(i * features.size, (i + 1) * features.size));
      }
    }
    const total = indices.length * (flip ? 2 : 1);
    const frechet = total > features.size ? new FrechetDistance(sums.gaussian()) : undefined;
    return new RealImages(total, joined(kept, features.size), frechet);
  }

  distances(vectors: Vectors): Distances {
    const count = rowsOf(vectors);
    const fid = count > vectors.size ? this.#frechet?.estimate(vectors) : undefined;
    return { count, ...(fid && { fid }), kid: this.#kernel.to(vectors) };
  }
}

/** The features of images; where they may be mirrored, of every other one so. */
export async function featuresOf({ dataset, indices, flip }: Chosen, features: Features, label: string): Promise<Vectors> {
  const { height, width, channels } = dataset;
  const elements = size([height, width, channels]);
  const parts: Float32Array[] = [];
  for await (const { first, count, bytes } of inBatches(dataset, { batch: atOnce, label, indices })) {
    for (let i = first % 2; flip && i < count; i += 2) {
      const image = bytes.subarray(i * elements, (i + 1) * elements);
      image.set(mirrored(image, dataset));
    }
    parts.push(await features.of(bytes, count));
  }
  return joined(parts, features.size);
}
