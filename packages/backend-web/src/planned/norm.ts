// Mean and deviation of groups of channels in two passes: sums of parts of an image, then what they add up to
import { fours } from "./layout.ts";
import { type Image, overPixels, type Pass, Shader, type Surface, surface } from "./shader.ts";

/** Rows that one fragment adds up. */
const rowsOfPart = 4;

/** The means over all pixels of v - f and of (v - f)², by parts of the image; f is the channel's first value, so that nothing cancels. */
export function sums(name: string, image: Image, batch: number): Pass {
  const shader = new Shader();
  const count = Math.ceil(image.height / rowsOfPart);
  const [parts, height, texels] = [count, image.height, fours(image.channels)].map((n) => shader.int(n)) as [string, string, string];
  const [x, share] = [shader.read(image.surface), shader.float(1 / (image.height * image.width))];
  shader.line(`int c = int(gl_FragCoord.x), part = int(gl_FragCoord.y) % ${parts}, b = int(gl_FragCoord.y) / ${parts};
vec4 f = texelFetch(${x}, ivec3(c, b * ${height}, 0), 0), s = vec4(0.), z = vec4(0.);
for (int y = part * ${rowsOfPart}; y < min(${height}, (part + 1) * ${rowsOfPart}); y++) {
  ${overPixels(shader, image.width, (j) => `{vec4 v = texelFetch(${x}, ivec3(i * ${texels} + c, b * ${height} + y, ${j}), 0) - f; s += v; z += v * v;}`)}
}
o0 = s * ${share}; o1 = z * ${share};`);
  return shader.pass(`sums of ${name}`, surface(fours(image.channels), batch * count, 2));
}

interface Groups {
  readonly groups: number;
  /** What is added to a variance. */
  readonly eps: number;
  /** What `sums` wrote. */
  readonly parts: Surface;
  readonly batch: number;
}

/** (mean, 1 / deviation) of group g of sample b at (g, b). */
export function moments(name: string, image: Image, { groups, eps, parts, batch }: Groups): Pass {
  const shader = new Shader();
  const [x, p] = [shader.read(image.surface), shader.read(parts)];
  const [ofGroup, share] = [shader.int(image.channels / groups), shader.float(groups / image.channels)];
  const sizes = [Math.ceil(image.height / rowsOfPart), image.height, fours(image.channels)];
  const [rows, height, texels] = sizes.map((n) => shader.int(n)) as [string, string, string];
  const overTexels = (inner: string): string => `for (int k = 0; k < ${texels}; k++) {
  vec4 own = vec4(equal((4 * k + ivec4(0, 1, 2, 3)) / ${ofGroup}, ivec4(group))), s = vec4(0.), z = vec4(0.);
  for (int r = b * ${rows}; r < (b + 1) * ${rows}; r++) { s += texelFetch(${p}, ivec3(k, r, 0), 0); z += texelFetch(${p}, ivec3(k, r, 1), 0); }
  vec4 f = texelFetch(${x}, ivec3(k, b * ${height}, 0), 0);
  ${inner}
}`;
  shader.line(`int group = int(gl_FragCoord.x), b = int(gl_FragCoord.y); float mean = 0., variance = 0.;
${overTexels(`mean += dot(own, f + s) * ${share};`)}
${overTexels(`vec4 d = f + s - mean; variance += dot(own, max(z - s * s, 0.) + d * d) * ${share};`)}
o0 = vec4(mean, inversesqrt(variance + ${shader.float(eps)}), 0., 0.);`);
  return shader.pass(`moments of ${name}`, surface(groups, batch, 1));
}

/** Names the mean and 1 / deviation of the fragment's four channels, from what `moments` wrote. */
export function ownMoments(shader: Shader, of: Surface, { channels }: Image, groups: number): { mean: string; scale: string } {
  const name = shader.read(of);
  const fetch = (group: string): string => `texelFetch(${name}, ivec2(${group}, b), 0).xy`;
  if (groups === 1) {
    const m = shader.local("vec2", fetch("0"));
    return { mean: shader.local("vec4", `vec4(${m}.x)`), scale: shader.local("vec4", `vec4(${m}.y)`) };
  }
  const [ofGroup, last] = [shader.int(channels / groups), shader.int(groups - 1)];
  const each = [0, 1, 2, 3].map((i) => shader.local("vec2", fetch(`min((4 * c + ${i}) / ${ofGroup}, ${last})`)));
  return { mean: shader.local("vec4", `vec4(${each.map((m) => `${m}.x`)})`), scale: shader.local("vec4", `vec4(${each.map((m) => `${m}.y`)})`) };
}
