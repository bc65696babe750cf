// Mean and deviation of groups of channels in two passes: sums of parts of an image, then what they add up to
import { float } from "./elementwise.ts";
import { placesOf, texelsOf } from "./layout.ts";
import { type Image, lanes, type Pass, Shader, type Surface, surface, type Table } from "./shader.ts";

/** Rows that one fragment adds up. */
const rowsOfPart = 4;

export interface Moments {
  readonly groups: number;
  /** The group of each channel. */
  readonly members: Table;
  /** What `sums` wrote. */
  readonly parts: Surface;
  readonly batch: number;
}

/** GLSL that runs over the four pixels of each group of a row, without those beyond its end. */
export function overPixels(width: number, inner: (lane: number) => string): string {
  const whole = Math.floor(width / 4);
  const rest = width % 4 ? `{const int i = ${whole};${lanes(inner, width % 4)}}` : "";
  return `for (int i = 0; i < ${whole}; i++) {${lanes(inner)}}${rest}`;
}

/** A pass with the means over all pixels of v - f and of (v - f)², by parts of the image; f is the channel's first value, so that nothing cancels. */
export function sums(name: string, image: Image, batch: number): Pass {
  const { height, width, layout } = image;
  const parts = Math.ceil(height / rowsOfPart);
  const texels = texelsOf(layout);
  const shader = new Shader();
  const x = shader.read(image.surface);
  shader.line(`int c = int(gl_FragCoord.x), part = int(gl_FragCoord.y) % ${parts}, b = int(gl_FragCoord.y) / ${parts};
vec4 f = texelFetch(${x}, ivec3(c, b * ${height}, 0), 0), s = vec4(0.), z = vec4(0.);
for (int y = part * ${rowsOfPart}; y < min(${height}, (part + 1) * ${rowsOfPart}); y++) {
  ${overPixels(width, (j) => `{vec4 v = texelFetch(${x}, ivec3(i * ${texels} + c, b * ${height} + y, ${j}), 0) - f; s += v; z += v * v;}`)}
}
o0 = s * ${float(1 / (height * width))}; o1 = z * ${float(1 / (height * width))};`);
  return shader.pass(`sums of ${name}`, surface(texels, batch * parts, 2));
}

/** A pass with (mean, 1 / deviation) of group `x` of sample `y`, eps 1e-5. */
export function moments(name: string, image: Image, { groups, members, parts, batch }: Moments): Pass {
  const { height, layout } = image;
  const rows = Math.ceil(height / rowsOfPart);
  const shader = new Shader();
  const [x, p, of] = [image.surface, parts, members].map((source) => shader.read(source));
  const channels = placesOf(layout).length / groups;
  const overTexels = (inner: string): string => `for (int k = 0; k < ${texelsOf(layout)}; k++) {
  vec4 own = vec4(equal(texelFetch(${of}, ivec2(k, 0), 0), vec4(group))), s = vec4(0.), z = vec4(0.);
  for (int r = b * ${rows}; r < (b + 1) * ${rows}; r++) { s += texelFetch(${p}, ivec3(k, r, 0), 0); z += texelFetch(${p}, ivec3(k, r, 1), 0); }
  vec4 f = texelFetch(${x}, ivec3(k, b * ${height}, 0), 0);
  ${inner}
}`;
  shader.line(`int b = int(gl_FragCoord.y); float group = floor(gl_FragCoord.x), mean = 0., variance = 0.;
${overTexels(`mean += dot(own, f + s) * ${float(1 / channels)};`)}
${overTexels(`vec4 d = f + s - mean; variance += dot(own, max(z - s * s, 0.) + d * d) * ${float(1 / channels)};`)}
o0 = vec4(mean, inversesqrt(variance + 1e-5), 0., 0.);`);
  return shader.pass(`moments of ${name}`, surface(groups, batch, 1));
}
