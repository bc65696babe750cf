import type { Dataset } from "@ddpm/core";
import { size } from "@ddpm/core/graph";
import { inBatches } from "./batches.ts";
import type { Distances } from "./evaluation.ts";
import { type Features, mirrored } from "./features.ts";
import { FrechetDistance, partsFor } from "./frechet-distance.ts";
import { partsOf } from "./jackknife.ts";
import { KernelDistance } from "./kernel-distance.ts";
import { Moments } from "./moments.ts";
import { joined, rowsOf, type Vectors } from "./vectors.ts";

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

  private constructor(count: number, kept: Vectors, moments: readonly Moments[]) {
    [this.count, this.#kernel] = [count, new KernelDistance(kept)];
    this.#frechet = moments.length > 0 && count > kept.size ? new FrechetDistance(moments) : undefined;
  }

  static async measure({ dataset, indices, flip }: Chosen, features: Features): Promise<RealImages> {
    const { size } = features;
    const moments = features.normal ? Array.from({ length: partsFor(size) }, () => new Moments(size)) : [];
    const part = partsOf("real", indices.length, moments.length || 1);
    const every = Math.ceil(indices.length / mostForKernel);
    const kept: Float32Array[] = [];
    for await (const { first, count, bytes } of inBatches(dataset, { batch: atOnce, label: "real images", indices })) {
      const looks: Float32Array[] = [];
      for (const look of flip ? [bytes, mirrored(bytes, dataset)] : [bytes]) looks.push(await features.of(look, count));
      for (let i = 0; i < count; i++) {
        for (const values of looks) moments[part[first + i]!]?.add({ values, size }, i);
        const turn = (first + i) / every;
        if (Number.isInteger(turn)) kept.push(looks[turn % looks.length]!.slice(i * size, (i + 1) * size));
      }
    }
    return new RealImages(indices.length * (flip ? 2 : 1), joined(kept, size), moments);
  }

  distances(vectors: Vectors): Distances {
    const fid = this.#frechet?.estimate(vectors);
    return { count: rowsOf(vectors), ...(fid && { fid }), kid: this.#kernel.to(vectors) };
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
