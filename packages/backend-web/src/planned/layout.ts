/**
 * How numbers lie in textures. A texel holds four channels of a pixel; the four layers of an image hold four neighbouring pixels of a row,
 * so texel (g·K + k, b·H + y) of layer j has channels 4k to 4k + 3 of pixel (y, 4g + j) of sample b. What has no place in the image is zero.
 */
import type { Shape } from "@ddpm/core";

/** Widths of the parts of the channel axis. Each begins a texel, so that a concatenation lies as its parts do. */
export type Layout = readonly number[];

const ceilOf4 = (n: number): number => Math.ceil(n / 4);

/** Texels of a pixel. */
export const texelsOf = (layout: Layout): number => layout.reduce((n, width) => n + ceilOf4(width), 0);

/** Groups of four pixels that a row of `width` pixels needs. */
export const groupsOf = (width: number): number => ceilOf4(width);

/** Where each channel lies among the 4K numbers of a pixel. */
export function placesOf(layout: Layout): number[] {
  let start = 0;
  return layout.flatMap((width) => {
    const places = Array.from({ length: width }, (_, i) => start + i);
    start += 4 * ceilOf4(width);
    return places;
  });
}

export type Pack = (values: ArrayLike<number>) => Float32Array;

/** Rows of channels [rows, c] as a texture of K × rows; `padding` stands where there is no channel. */
export function packRows(layout: Layout, padding = 0): Pack {
  const places = placesOf(layout);
  const stride = 4 * texelsOf(layout);
  return (values) => {
    const packed = new Float32Array((values.length / places.length) * stride).fill(padding);
    for (let i = 0; i < values.length; i++) packed[Math.floor(i / places.length) * stride + places[i % places.length]!] = values[i]!;
    return packed;
  };
}

/** Matrices [taps, inputs, outputs] as a texture of 4K′ × taps·K: texel (4k′ + j, tap·K + k) takes input channel 4k + j to the four outputs at k′. */
export function packMatrices(inputs: Layout, outputs: Layout): Pack {
  const [from, to] = [placesOf(inputs), placesOf(outputs)];
  const [height, width] = [texelsOf(inputs), 4 * texelsOf(outputs)];
  return (values) => {
    const taps = values.length / from.length / to.length;
    const packed = new Float32Array(taps * height * width * 4);
    let at = 0;
    for (let tap = 0; tap < taps; tap++) {
      for (const i of from) {
        const row = (tap * height + (i >> 2)) * width + (i & 3);
        for (const o of to) packed[(row + (o & ~3)) * 4 + (o & 3)] = values[at++]!;
      }
    }
    return packed;
  };
}

/** Offset in a packed image of each number of an image [b, h, w, c], in row-major order. */
function* offsets([batch, height, width, channels]: Shape, layout: Layout): Generator<number> {
  const places = placesOf(layout);
  const [texels, rows] = [texelsOf(layout), batch! * height!];
  if (places.length !== channels) throw new RangeError(`Expected a layout of ${channels} channels but found [${layout}]`);
  for (let row = 0; row < rows; row++) {
    for (let x = 0; x < width!; x++) {
      const pixel = ((x & 3) * rows + row) * groupsOf(width!) + (x >> 2);
      for (const place of places) yield pixel * texels * 4 + place;
    }
  }
}

/** An image [b, h, w, c] as four layers. */
export function packImage(shape: Shape, layout: Layout): Pack {
  const [batch, height, width] = shape as [number, number, number, number];
  return (values) => {
    const packed = new Float32Array(batch * height * groupsOf(width) * texelsOf(layout) * 16);
    let i = 0;
    for (const offset of offsets(shape, layout)) packed[offset] = values[i++]!;
    return packed;
  };
}

/** The image [b, h, w, c] in four layers, as `packImage` wrote it. */
export function unpackImage(shape: Shape, layout: Layout): Pack {
  return (packed) => Float32Array.from(offsets(shape, layout), (offset) => packed[offset]!);
}
