// Both attentions in passes that never transpose an image: a texel of keys or queries has four features, a head has whole texels
import { fours } from "./layout.ts";
import { type Image, lanes, overPixels, type Pass, Shader, type Surface, surface, type Table, type Value } from "./shader.ts";

/** What a linear attention reads: its normalised image as the image before, with its moments, and softmax's arguments. */
export interface LinearAttention {
  readonly x: Image;
  /** (mean, 1 / deviation) of each sample of `x`. */
  readonly moments: Surface;
  /** Queries, then keys: 2·F channels. */
  readonly queriesAndKeys: Image;
  readonly heads: number;
  readonly batch: number;
}

/** Texels of the features of all heads, F / 4. */
const featuresOf = ({ queriesAndKeys }: LinearAttention): number => fours(queriesAndKeys.channels) / 2;

/** Greatest key of each row of an image, F / 4 texels. */
export function greatestKeys(of: LinearAttention): Pass {
  const { height, width, surface: qk } = of.queriesAndKeys;
  const shader = new Shader();
  const [q, all] = [shader.read(qk), shader.int(featuresOf(of))];
  shader.line(`ivec2 p = ivec2(gl_FragCoord.xy); vec4 top = vec4(-3e38);
${overPixels(shader, width, (j) => `top = max(top, texelFetch(${q}, ivec3((2 * i + 1) * ${all} + p.x, p.y, ${j}), 0));`)}
o0 = top;`);
  return shader.pass("greatest keys", surface(featuresOf(of), of.batch * height, 1));
}

/** softmax over pixels of the keys, times (x - mean)/deviation: feature 4d + j and channels 4k to 4k + 3 of sample b are at (k, b·F/4 + d) of layer j. */
export function context(of: LinearAttention, greatest: Surface): Pass {
  const { x, moments, queriesAndKeys, batch } = of;
  const shader = new Shader();
  const sizes = [featuresOf(of), x.height, fours(x.channels)];
  const [all, height, texels] = sizes.map((n) => shader.int(n)) as [string, string, string];
  const [v, q, top, m] = [x.surface, queriesAndKeys.surface, greatest, moments].map((source) => shader.read(source));
  const add = (j: number): string => `{
    vec4 e = exp(texelFetch(${q}, ivec3((2 * i + 1) * ${all} + d, row, ${j}), 0) - top), v = texelFetch(${v}, ivec3(i * ${texels} + c, row, ${j}), 0) - mean;
    total += e; ${lanes((j) => `a${j} += e.${"xyzw"[j]} * v;`)}}`;
  shader.line(`int c = int(gl_FragCoord.x), d = int(gl_FragCoord.y) % ${all}, b = int(gl_FragCoord.y) / ${all};
vec2 moments = texelFetch(${m}, ivec2(0, b), 0).xy; float mean = moments.x;
vec4 top = vec4(-3e38), total = vec4(0.), a0 = vec4(0.), a1 = a0, a2 = a0, a3 = a0;
for (int row = b * ${height}; row < (b + 1) * ${height}; row++) top = max(top, texelFetch(${top}, ivec2(d, row), 0));
for (int row = b * ${height}; row < (b + 1) * ${height}; row++) {${overPixels(shader, x.width, add)}}
${lanes((j) => `o${j} = a${j} * (moments.y / total.${"xyzw"[j]});`)}`);
  return shader.pass("context", surface(fours(x.channels), batch * featuresOf(of)));
}

/** The context times each head's matrix of values and outputs, laid out as the context is. */
export function values(of: LinearAttention, contexts: Surface, weights: Table, biases: Table): Pass {
  const shader = new Shader();
  const sizes = [featuresOf(of), featuresOf(of) / of.heads, fours(of.x.channels)];
  const [all, ofHead, texels] = sizes.map((n) => shader.int(n)) as [string, string, string];
  const [x, w, bias] = [contexts, weights, biases].map((source) => shader.read(source));
  shader.line(`ivec2 p = ivec2(gl_FragCoord.xy); int c = p.x, head = (p.y % ${all}) / ${ofHead};
vec4 a0 = texelFetch(${bias}, ivec2(c, head), 0), a1 = a0, a2 = a0, a3 = a0;
for (int i = 0; i < ${texels}; i++) {
  ${lanes((i) => `vec4 w${i} = texelFetch(${w}, ivec2(c * 4 + ${i}, head * ${texels} + i), 0);`)}
  ${lanes((j) => `{vec4 v = texelFetch(${x}, ivec3(i, p.y, ${j}), 0); a${j} += v.x * w0 + v.y * w1 + v.z * w2 + v.w * w3;}`)}
}
${lanes((j) => `o${j} = a${j};`)}`);
  return shader.pass("values", surface(weights.width / 4, of.batch * featuresOf(of)));
}

/** softmax of the queries over a head's features, times the values. */
export function linearMix(shader: Shader, of: LinearAttention, valuesOf: Surface): Value {
  const [all, ofHead] = [featuresOf(of), featuresOf(of) / of.heads].map((n) => shader.int(n));
  const [q, m] = [shader.read(of.queriesAndKeys.surface), shader.read(valuesOf)];
  const sum = shader.declare(() => "vec4(0.)");
  const fetch = (j: number): string => `texelFetch(${q}, ivec3(2 * g * ${all} + d, p.y, ${j}), 0)`;
  const product = (j: number): string => `{
      vec4 e = exp(${fetch(j)} - top${j}); total${j} += e; part${j} += e.x * w0 + e.y * w1 + e.z * w2 + e.w * w3;}`;
  shader.line(`for (int h = 0; h < ${of.heads}; h++) {
  ${lanes((j) => `vec4 q${j} = vec4(-3e38), total${j} = vec4(0.), part${j} = vec4(0.);`)}
  for (int d = h * ${ofHead}; d < (h + 1) * ${ofHead}; d++) {${lanes((j) => `q${j} = max(q${j}, ${fetch(j)});`)}}
  ${lanes((j) => `float top${j} = max(max(q${j}.x, q${j}.y), max(q${j}.z, q${j}.w));`)}
  for (int d = h * ${ofHead}; d < (h + 1) * ${ofHead}; d++) {
    ${lanes((i) => `vec4 w${i} = texelFetch(${m}, ivec3(c, b * ${all} + d, ${i}), 0);`)}
    ${lanes(product)}
  }
  ${lanes((j) => `${sum(j)} += part${j} / dot(total${j}, vec4(1.));`)}
}`);
  return sum;
}

/** What an attention reads: queries, keys and values in one image of 3·F channels. */
export interface Attention {
  readonly projections: Image;
  readonly heads: number;
  readonly batch: number;
}

/** Names of its sizes: texels of the features of all heads and of one, groups of keys in a row and in the image, rows. */
function sizesOf(shader: Shader, { projections: { channels, height, width }, heads }: Attention) {
  const all = fours(channels) / 3;
  const sizes = [all, all / heads, fours(width), height * fours(width), height];
  const [features, ofHead, groups, keys, rows] = sizes.map((n) => shader.int(n)) as [string, string, string, string, string];
  return { features, ofHead, groups, keys, rows };
}

/** Scores of four queries, in the layers, with four keys, in a texel. */
export function scores(of: Attention): Pass {
  const { projections: image, heads, batch } = of;
  const { height, width } = image;
  const shader = new Shader();
  const { features, ofHead, groups, keys, rows } = sizesOf(shader, of);
  const q = shader.read(image.surface);
  const end = shader.int(width);
  const beyond = (z: number): string => (z === 0 ? "" : `if (4 * kg + ${z} >= ${end}) {${lanes((j) => `a${j}.${"xyzw"[z]} = -3e38;`)}}`);
  shader.line(`ivec2 p = ivec2(gl_FragCoord.xy);
int key = p.x % (${heads} * ${keys}), g = p.x / (${heads} * ${keys}), b = p.y / ${rows}, h = key / ${keys}, ky = key % ${keys} / ${groups}, kg = key % ${groups};
vec4 a0 = vec4(0.), a1 = a0, a2 = a0, a3 = a0;
for (int d = h * ${ofHead}; d < (h + 1) * ${ofHead}; d++) {
  ${lanes((z) => `vec4 k${z} = texelFetch(${q}, ivec3((3 * kg + 1) * ${features} + d, b * ${rows} + ky, ${z}), 0);`)}
  ${lanes((j) => `{vec4 q = texelFetch(${q}, ivec3(3 * g * ${features} + d, p.y, ${j}), 0); a${j} += vec4(dot(q, k0), dot(q, k1), dot(q, k2), dot(q, k3));}`)}
}
${lanes(beyond)}
${lanes((j) => `o${j} = a${j};`)}`);
  return shader.pass("scores", surface(fours(width) * heads * height * fours(width), batch * height));
}

/** softmax over the keys of the scores, times the values. */
export function mix(shader: Shader, of: Attention, scoresOf: Surface): Value {
  const { features, ofHead, groups, keys, rows } = sizesOf(shader, of);
  const [s, q] = [shader.read(scoresOf), shader.read(of.projections.surface)];
  const sum = shader.declare(() => "vec4(0.)");
  const fetch = (j: number): string => `texelFetch(${s}, ivec3(start + k, p.y, ${j}), 0)`;
  shader.line(`{
int start = (g * ${of.heads} + c / ${ofHead}) * ${keys};
${lanes((j) => `vec4 q${j} = vec4(-3e38), total${j} = vec4(0.);`)}
for (int k = 0; k < ${keys}; k++) {${lanes((j) => `q${j} = max(q${j}, ${fetch(j)});`)}}
${lanes((j) => `float top${j} = max(max(q${j}.x, q${j}.y), max(q${j}.z, q${j}.w));`)}
for (int k = 0; k < ${keys}; k++) {
  ${lanes((z) => `vec4 w${z} = texelFetch(${q}, ivec3((3 * (k % ${groups}) + 2) * ${features} + c, b * ${rows} + k / ${groups}, ${z}), 0);`)}
  ${lanes((j) => `{vec4 e = exp(${fetch(j)} - top${j}); total${j} += e; ${sum(j)} += e.x * w0 + e.y * w1 + e.z * w2 + e.w * w3;}`)}
}
${lanes((j) => `${sum(j)} /= dot(total${j}, vec4(1.));`)}
}`);
  return sum;
}
