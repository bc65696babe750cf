import { type Backend, compileInversion, imageShape, samplesOf } from "@ddpm/core";
import type { Spacing } from "@ddpm/core/diffusion";
import { size } from "@ddpm/core/graph";
import type { Checkpoint } from "./checkpoint-file.ts";
import { checkLabels } from "./class-labels.ts";
import { mostAtOnce, padded } from "./drawing.ts";

export interface InversionOptions {
  readonly steps?: number | undefined;
  readonly spacing?: Spacing | undefined;
  readonly sigmaMax?: number | undefined;
  /** The class of all images, for a model with classes. */
  readonly label?: number | undefined;
}

/** The most noise that images are inverted to unless told. */
export const usualSigmaMax = 20;

/** The noise that images come from, by DDIM backwards; NHWC values. In batches of one size, the last one padded. */
export async function noiseOf(
  backend: Backend,
  checkpoint: Checkpoint,
  images: Float32Array,
  { steps, spacing, sigmaMax, label }: InversionOptions,
): Promise<Float32Array> {
  const { config, parameters } = checkpoint;
  const elements = size(imageShape(config, 1));
  const batch = Math.min(mostAtOnce, images.length / elements);
  const labels = Array.from({ length: batch }, () => label);
  checkLabels(checkpoint, labels, batch);
  await using sampler = await compileInversion(backend, config, parameters, { batch, steps, spacing, sigmaMax });
  const out = new Float32Array(images.length);
  for (let first = 0; first < images.length; first += batch * elements) {
    const start = padded(images.subarray(first, first + batch * elements), batch * elements);
    out.set((await samplesOf(sampler, { start, labels })).subarray(0, images.length - first), first);
  }
  return out;
}
