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

/** Texels of the features of all heads, F / 4, and of one. */
const features = ({ queriesAndKeys, heads }: LinearAttention): [number, number] => {
  const all = fours(queriesAndKeys.channels) / 2;
  return [all, all / heads];
};

/** Greatest key of each row of an image, F / 4 texels. */
export function greatestKeys(of: LinearAttention): Pass {
  const { height, width, surface: qk } = of.queriesAndKeys;
  const [all] = features(of);
  const shader = new Shader();
  const q = shader.read(qk);
  shader.line(`ivec2 p = ivec2(gl_FragCoord.xy); vec4 top = vec4(-3e38);
${overPixels(width, (j) => `top = max(top, texelFetch(${q}, ivec3(i * ${2 * all} + ${all} + p.x, p.y, ${j}), 0));`)}
o0 = top;`);
  return shader.pass("greatest keys", surface(all, of.batch * height, 1));
}

/** softmax over pixels of the keys, times (x - mean)/deviation: feature 4d + j and channels 4k to 4k + 3 of sample b are at (k, b·F/4 + d) of layer j. */
export function context(of: LinearAttention, greatest: Surface): Pass {
  const { x, moments, queriesAndKeys, batch } = of;
  const { height, width, channels } = x;
  const [all] = features(of);
  const [texels, shader] = [fours(channels), new Shader()];
  const [v, q, top, m] = [x.surface, queriesAndKeys.surface, greatest, moments].map((source) => shader.read(source));
  const add = (j: number): string => `{
    vec4 e = exp(texelFetch(${q}, ivec3(i * ${2 * all} + ${all} + d, row, ${j}), 0) - top), v = texelFetch(${v}, ivec3(i * ${texels} + c, row, ${j}), 0) - mean;
    total += e; ${lanes((j) => `a${j} += e.${"xyzw"[j]} * v;`)}}`;
  shader.line(`int c = int(gl_FragCoord.x), d = int(gl_FragCoord.y) % ${all}, b = int(gl_FragCoord.y) / ${all};
vec2 moments = texelFetch(${m}, ivec2(0, b), 0).xy; float mean = moments.x;
vec4 top = vec4(-3e38), total = vec4(0.), a0 = vec4(0.), a1 = a0, a2 = a0, a3 = a0;
for (int row = b * ${height}; row < (b + 1) * ${height}; row++) top = max(top, texelFetch(${top}, ivec2(d, row), 0));
for (int row = b * ${height}; row < (b + 1) * ${height}; row++) {${overPixels(width, add)}}
${lanes((j) => `o${j} = a${j} * (moments.y / total.${"xyzw"[j]});`)}`);
  return shader.pass("context", surface(texels, batch * all));
}

/** The context times each head's matrix of values and outputs, laid out as the context is. */
export function values(of: LinearAttention, contexts: Surface, weights: Table, biases: Table): Pass {
  const [all, ofHead] = features(of);
  const texels = fours(of.x.channels);
  const shader = new Shader();
  const [x, w, bias] = [contexts, weights, biases].map((source) => shader.read(source));
  shader.line(`ivec2 p = ivec2(gl_FragCoord.xy); int c = p.x, head = (p.y % ${all}) / ${ofHead};
vec4 a0 = texelFetch(${bias}, ivec2(c, head), 0), a1 = a0, a2 = a0, a3 = a0;
for (int i = 0; i < ${texels}; i++) {
  ${lanes((i) => `vec4 w${i} = texelFetch(${w}, ivec2(c * 4 + ${i}, head * ${texels} + i), 0);`)}
  ${lanes((j) => `{vec4 v = texelFetch(${x}, ivec3(i, p.y, ${j}), 0); a${j} += v.x * w0 + v.y * w1 + v.z * w2 + v.w * w3;}`)}
}
${lanes((j) => `o${j} = a${j};`)}`);
  return shader.pass("values", surface(contexts.width, of.batch * all));
}

/** softmax of the queries over a head's features, times the values. */
export function linearMix(shader: Shader, of: LinearAttention, valuesOf: Surface): Value {
  const [all, ofHead] = features(of);
  const [q, m] = [shader.read(of.queriesAndKeys.surface), shader.read(valuesOf)];
  const sum = shader.declare(() => "vec4(0.)");
  const fetch = (j: number): string => `texelFetch(${q}, ivec3(g * ${2 * all} + d, p.y, ${j}), 0)`;
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

const featuresOf = ({ projections, heads }: Attention): [number, number] => {
  const all = fours(projections.channels) / 3;
  return [all, all / heads];
};

/** Texels of scores of a query: for each head and row, the groups of four keys. */
const keysOf = ({ height, width }: Image): number => height * fours(width);

/** Scores of four queries, in the layers, with four keys, in a texel. */
export function scores(of: Attention): Pass {
  const { projections: image, heads, batch } = of;
  const { height, width } = image;
  const [all, ofHead] = featuresOf(of);
  const [groups, keys, shader] = [fours(width), keysOf(image), new Shader()];
  const q = shader.read(image.surface);
  const beyond = width % 4 ? `if (kg == ${groups - 1}) {${lanes((j) => lanes((z) => (z >= width % 4 ? `a${j}.${"xyzw"[z]} = -3e38;` : "")))}}` : "";
  shader.line(`ivec2 p = ivec2(gl_FragCoord.xy);
int key = p.x % ${heads * keys}, g = p.x / ${heads * keys}, b = p.y / ${height}, h = key / ${keys}, ky = key % ${keys} / ${groups}, kg = key % ${groups};
vec4 a0 = vec4(0.), a1 = a0, a2 = a0, a3 = a0;
for (int d = h * ${ofHead}; d < (h + 1) * ${ofHead}; d++) {
  ${lanes((z) => `vec4 k${z} = texelFetch(${q}, ivec3(kg * ${3 * all} + ${all} + d, b * ${height} + ky, ${z}), 0);`)}
  ${lanes((j) => `{vec4 q = texelFetch(${q}, ivec3(g * ${3 * all} + d, p.y, ${j}), 0); a${j} += vec4(dot(q, k0), dot(q, k1), dot(q, k2), dot(q, k3));}`)}
}
${beyond}
${lanes((j) => `o${j} = a${j};`)}`);
  return shader.pass("scores", surface(groups * heads * keys, batch * height));
}

/** softmax over the keys of the scores, times the values. */
export function mix(shader: Shader, of: Attention, scoresOf: Surface): Value {
  const { height, width } = of.projections;
  const [all, ofHead] = featuresOf(of);
  const [groups, keys] = [fours(width), keysOf(of.projections)];
  const [s, q] = [shader.read(scoresOf), shader.read(of.projections.surface)];
  const sum = shader.declare(() => "vec4(0.)");
  const fetch = (j: number): string => `texelFetch(${s}, ivec3(start + k, p.y, ${j}), 0)`;
  shader.line(`{
int start = (g * ${of.heads} + c / ${ofHead}) * ${keys};
${lanes((j) => `vec4 q${j} = vec4(-3e38), total${j} = vec4(0.);`)}
for (int k = 0; k < ${keys}; k++) {${lanes((j) => `q${j} = max(q${j}, ${fetch(j)});`)}}
${lanes((j) => `float top${j} = max(max(q${j}.x, q${j}.y), max(q${j}.z, q${j}.w));`)}
for (int k = 0; k < ${keys}; k++) {
  ${lanes((z) => `vec4 w${z} = texelFetch(${q}, ivec3(k % ${groups} * ${3 * all} + ${2 * all} + c, b * ${height} + k / ${groups}, ${z}), 0);`)}
  ${lanes((j) => `{vec4 e = exp(${fetch(j)} - top${j}); total${j} += e; ${sum(j)} += e.x * w0 + e.y * w1 + e.z * w2 + e.w * w3;}`)}
}
${lanes((j) => `${sum(j)} /= dot(total${j}, vec4(1.));`)}
}`);
  return sum;
}
