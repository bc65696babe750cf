// How numbers lie in textures. A texel holds four channels of a pixel; the four layers of an image hold four neighbouring pixels of a row,
// so texel (g·K + k, b·H + y) of layer j has channels 4k to 4k + 3 of pixel (y, 4g + j) of sample b. What has no place in the image is zero.
import type { Shape } from "@ddpm/core/graph";

/** Texels of a pixel, or groups of pixels of a row. */
export const fours = (n: number): number => Math.ceil(n / 4);

export type Pack = (values: ArrayLike<number>) => Float32Array;

/** Rows of channels [rows, channels] as a texture of K × rows. */
export const packRows =
  (channels: number): Pack =>
  (values) => {
    const stride = 4 * fours(channels);
    const packed = new Float32Array((values.length / channels) * stride);
    for (let i = 0; i < values.length; i++) packed[Math.floor(i / channels) * stride + (i % channels)] = values[i]!;
    return packed;
  };

/**
 * Matrices [taps, inputs, outputs] as a texture of 4K′ × taps·K: texel (4k′ + j, tap·K + k) takes input channel 4k + j to the four outputs at k′.
 * The inputs are those of several images, one after the other, each with whole texels.
 */
export function packMatrices(inputs: readonly number[], outputs: number): Pack {
  const places = placesOf(inputs);
  const [height, width] = [inputs.reduce((n, channels) => n + fours(channels), 0), 4 * fours(outputs)];
  return (values) => {
    const taps = values.length / places.length / outputs;
    const packed = new Float32Array(taps * height * width * 4);
    let at = 0;
    for (let tap = 0; tap < taps; tap++) {
      for (const i of places) {
        const row = (tap * height + (i >> 2)) * width + (i & 3);
        for (let o = 0; o < outputs; o++) packed[(row + (o & ~3)) * 4 + (o & 3)] = values[at++]!;
      }
    }
    return packed;
  };
}

/** Where each channel of some images lies when their texels follow one another. */
function placesOf(parts: readonly number[]): number[] {
  let start = 0;
  return parts.flatMap((channels) => {
    const places = Array.from({ length: channels }, (_, i) => start + i);
    start += 4 * fours(channels);
    return places;
  });
}

/** Offset in the four layers of each number of an image [b, h, w, c], in row-major order. */
function* offsets([batch, height, width, channels]: Shape): Generator<number> {
  const rows = batch! * height!;
  for (let row = 0; row < rows; row++) {
    for (let x = 0; x < width!; x++) {
      const pixel = ((x & 3) * rows + row) * fours(width!) + (x >> 2);
      for (let c = 0; c < channels!; c++) yield pixel * fours(channels!) * 4 + c;
    }
  }
}

/** An image [b, h, w, c] as four layers. */
export function packImage(shape: Shape): Pack {
  const [batch, height, width, channels] = shape as [number, number, number, number];
  return (values) => {
    const packed = new Float32Array(batch * height * fours(width) * fours(channels) * 16);
    let i = 0;
    for (const offset of offsets(shape)) packed[offset] = values[i++]!;
    return packed;
  };
}

/** The image [b, h, w, c] that lies in four layers. */
export const unpackImage =
  (shape: Shape): Pack =>
  (packed) =>
    Float32Array.from(offsets(shape), (offset) => packed[offset]!);
