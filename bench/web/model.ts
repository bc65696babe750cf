/** The model that every contender runs and what it is given; the page and Node compute the same. */
import { imageShape, presets, type Step } from "@ddpm/core";
import { input, size } from "@ddpm/core/graph";
import { model, Scope } from "@ddpm/core/model";
import { startNoise } from "@ddpm/core/random";

export const config = presets.notebook;

const elements = size(imageShape(config, 1));

/** x_T of `images` images, [images, 28, 28, 1]. */
export const noise = (images: number): Float32Array => startNoise(0, images, elements);

/** How many images x holds. */
export const imagesIn = (x: Float32Array): number => x.length / elements;

/** The prediction for `images` images as a step with the feeds x and t, [1] as in core's sampler. */
export const predictionStep = (images: number): Step => ({
  outputs: { prediction: model(new Scope(), input("x", imageShape(config, images)), input("t", [1], "int32"), config) },
});

/** The parameters with their first values of seed 0. */
export function parameters(): { readonly scope: Scope; readonly values: Map<string, Float32Array> } {
  const scope = new Scope();
  model(scope, input("x", imageShape(config, 1)), input("t", [1], "int32"), config);
  return { scope, values: scope.initialValues(0) };
}
