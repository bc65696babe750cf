// The products over channels: four pixels and four output channels in a fragment, unrolled, since dynamic indices cost more than they save
import { fours } from "./layout.ts";
import { type Image, lanes, type Shader, type Value } from "./shader.ts";

interface Taps {
  readonly kernel: number;
  readonly padding: number;
}

const components = "xyzw";

/** `sum += v · W` for the `count` input channels of a texel; the four weights are w0 to w3. */
export const product = (sum: string, v: string, count = 4): string =>
  `${sum} += ${[0, 1, 2, 3]
    .slice(0, count)
    .map((i) => `${v}.${components[i]} * w${i}`)
    .join(" + ")};`;

/** Loads the weights of row `row` for the fragment's output channels. */
export const weightsAt = (weights: string, row: string, count = 4): string =>
  `int wi = ${row};${lanes((i) => `vec4 w${i} = texelFetch(${weights}, ivec2(c * 4 + ${i}, wi), 0);`, count)}`;

interface Part extends Image {
  /** GLSL for the texture, its texels a pixel and the row of weights of texel `i`. */
  readonly name: string;
  readonly texels: string;
  readonly row: string;
  /** Channels of a texel that there are. */
  readonly used: number;
}

/** Runs over the texels `i` of each of `images`. */
function overParts(shader: Shader, images: readonly Image[], inner: (part: Part) => string): void {
  let first = 0;
  for (const image of images) {
    const texels = shader.int(fours(image.channels));
    const part = { ...image, name: shader.read(image.surface), texels, row: `${shader.int(first)} + i`, used: Math.min(4, image.channels) };
    shader.line(`for (int i = 0; i < ${texels}; i++) {${inner(part)}}`);
    first += fours(image.channels);
  }
}

const texelsOf = (images: readonly Image[]): number => images.reduce((n, { channels }) => n + fours(channels), 0);

const accumulators = (shader: Shader): Value => shader.declare(() => "vec4(0.)");

/** A matrix product at each pixel, of all channels of `images`; `at` changes each vector that is read. */
export function pointwise(shader: Shader, images: readonly Image[], weights: string, at: (v: string) => string = (v) => v): Value {
  const sum = accumulators(shader);
  overParts(shader, images, ({ name, texels, row, used }) => {
    const fetched = (j: number): string => at(`texelFetch(${name}, ivec3(g * ${texels} + i, p.y, ${j}), 0)`);
    return weightsAt(weights, row, used) + lanes((j) => `{vec4 v = ${fetched(j)};${product(sum(j), "v", used)}}`);
  });
  return sum;
}

interface Loads {
  readonly name: string;
  readonly texels: string;
  /** Which texel of a pixel, as GLSL. */
  readonly texel: string;
  readonly stride: number;
  readonly first: number;
  readonly last: number;
}

/** Loads the pixels `first` to `last` from the fragment's own, of row `iy`, as r0, r1, …; zeros outside of the image. */
function loads(shader: Shader, image: Image, { name, texels, texel, stride, first, last }: Loads): string {
  const [height, groups] = [shader.int(image.height), shader.int(fours(image.width))];
  const offsets = Array.from({ length: last - first + 1 }, (_, i) => first + i);
  const near = [...new Set(offsets.map((offset) => Math.floor(offset / 4)))];
  const group = (offset: number): number => near.indexOf(Math.floor(offset / 4));
  const rows = `float inside = iy >= 0 && iy < ${height} ? 1. : 0.; int row = b * ${height} + clamp(iy, 0, ${height} - 1);`;
  const groupsAt = near.map(
    (n, i) =>
      `int g${i} = g * ${stride} + ${n}; float m${i} = g${i} >= 0 && g${i} < ${groups} ? inside : 0.; g${i} = clamp(g${i}, 0, ${groups} - 1) * ${texels} + ${texel};`,
  );
  const fetches = offsets.map(
    (offset, i) => `vec4 r${i} = m${group(offset)} * texelFetch(${name}, ivec3(g${group(offset)}, row, ${((offset % 4) + 4) % 4}), 0);`,
  );
  return rows + groupsAt.join("") + fetches.join("");
}

/** A convolution over all channels of `images`. */
export function convolution(
  shader: Shader,
  images: readonly Image[],
  weights: string,
  { kernel, padding, stride }: Taps & { stride: number },
): Value {
  const sum = accumulators(shader);
  const all = shader.int(texelsOf(images));
  shader.line(`for (int ky = 0; ky < ${kernel}; ky++) { int iy = y * ${stride} + ky - ${padding};`);
  overParts(shader, images, ({ name, texels, row, used, ...image }) => {
    const column = (kx: number): string =>
      weightsAt(weights, `(ky * ${kernel} + ${kx}) * ${all} + ${row}`, used) + lanes((j) => product(sum(j), `r${j * stride + kx}`, used));
    const last = 3 * stride + kernel - 1 - padding;
    return loads(shader, image, { name, texels, texel: "i", stride, first: -padding, last }) + lanes((kx) => `{${column(kx)}}`, kernel);
  });
  shader.line("}");
  return sum;
}

/** A transposed convolution of stride 2. */
export function transposedConvolution(shader: Shader, images: readonly Image[], weights: string, { kernel, padding }: Taps): Value {
  const sum = accumulators(shader);
  const all = shader.int(texelsOf(images));
  const reached = (j: number, kx: number): number => (j + padding - kx) / 2; // input pixel, counted from 2g
  const pixels = [0, 1, 2, 3].flatMap((j) => Array.from({ length: kernel }, (_, kx) => reached(j, kx))).filter(Number.isInteger);
  const [first, last] = [Math.min(...pixels), Math.max(...pixels)];
  shader.line(`for (int ky = (y + ${padding}) & 1; ky < ${kernel}; ky += 2) { int iy = (y + ${padding} - ky) / 2;`);
  overParts(shader, images, ({ name, texels, row, used, ...image }) => {
    const [height, width] = [shader.int(image.height), shader.int(image.width)];
    const load = (i: number): string =>
      `int x${i} = 2 * g + ${first + i}; float m${i} = x${i} >= 0 && x${i} < ${width} ? inside : 0.; x${i} = clamp(x${i}, 0, ${width} - 1);
       vec4 r${i} = m${i} * texelFetch(${name}, ivec3((x${i} >> 2) * ${texels} + i, row, x${i} & 3), 0);`;
    const column = (kx: number): string =>
      weightsAt(weights, `(ky * ${kernel} + ${kx}) * ${all} + ${row}`, used) +
      lanes((j) => (Number.isInteger(reached(j, kx)) ? product(sum(j), `r${reached(j, kx) - first}`, used) : ""));
    const rows = `float inside = y + ${padding} - ky >= 0 && iy < ${height} ? 1. : 0.; int row = b * ${height} + clamp(iy, 0, ${height} - 1);`;
    return rows + lanes(load, last - first + 1) + lanes((kx) => `{${column(kx)}}`, kernel);
  });
  shader.line("}");
  return sum;
}

/** One filter a channel; `weights` has the channels of tap t in row t. */
export function depthwise(shader: Shader, image: Image, weights: string, { kernel, padding }: Taps): Value {
  const sum = accumulators(shader);
  const column = (kx: number): string =>
    `{vec4 w = texelFetch(${weights}, ivec2(c, ky * ${kernel} + ${kx}), 0);${lanes((j) => `${sum(j)} += w * r${j + kx};`)}}`;
  const texels = shader.int(fours(image.channels));
  const rows = loads(shader, image, {
    name: shader.read(image.surface),
    texels,
    texel: "c",
    stride: 1,
    first: -padding,
    last: 3 + kernel - 1 - padding,
  });
  shader.line(`for (int ky = 0; ky < ${kernel}; ky++) { int iy = y + ky - ${padding}; ${rows}${lanes(column, kernel)}}`);
  return sum;
}
