import { type Backend, compileInversion, imageShape, type Spacing, samplesOf, size } from "@ddpm/core";
import type { Checkpoint } from "./checkpoint-file.ts";

export interface InversionOptions {
  readonly steps?: number | undefined;
  readonly spacing?: Spacing | undefined;
  readonly sigmaMax?: number | undefined;
  /** The class of all images, for a model with classes. */
  readonly label?: number | undefined;
}

/** Images inverted at once. */
const mostAtOnce = 64;

/** The noise that images come from, by DDIM backwards; NHWC values. In batches of one size, the last one padded. */
export async function noiseOf(
  backend: Backend,
  { config, parameters }: Checkpoint,
  images: Float32Array,
  { steps, spacing, sigmaMax, label }: InversionOptions,
): Promise<Float32Array> {
  const elements = size(imageShape(config, 1));
  const batch = Math.min(mostAtOnce, images.length / elements);
  await using sampler = await compileInversion(backend, config, parameters, { batch, steps, spacing, sigmaMax });
  const out = new Float32Array(images.length);
  for (let first = 0; first < images.length; first += batch * elements) {
    const start = new Float32Array(batch * elements);
    start.set(images.subarray(first, first + start.length));
    out.set((await samplesOf(sampler, { start, labels: Array.from({ length: batch }, () => label) })).subarray(0, images.length - first), first);
  }
  return out;
}
