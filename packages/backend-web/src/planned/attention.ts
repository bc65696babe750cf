// Both attentions in passes that never transpose an image: a texel of queries or keys has four features, and a head has whole texels
import { product, weightsAt } from "./convolution.ts";
import { fours } from "./layout.ts";
import { type Image, lanes, overPixels, type Pass, Shader, type Surface, surface, type Table, type Value } from "./shader.ts";

/** Less than any number that is compared with it. */
const least = "vec4(-3e38)";

/** The score of a key that is not there: nothing after exp, and within what half floats hold. */
const masked = "-6e4";

/** What a linear attention reads. */
export interface LinearAttention {
  /** The image before its normalisation, and its (mean, 1 / deviation) of each sample. */
  readonly x: Image;
  readonly moments: Surface;
  /** Queries, then keys: 2·F channels. */
  readonly queriesAndKeys: Image;
  readonly heads: number;
  readonly batch: number;
}

/** Texels of the features of all heads, F / 4. */
const featuresOf = ({ queriesAndKeys }: LinearAttention): number => fours(queriesAndKeys.channels) / 2;

/** Greatest key of each row of an image: features 4d to 4d + 3 at (d, row). */
export function greatestKeys(of: LinearAttention): Pass {
  const { height, width, surface: qk } = of.queriesAndKeys;
  const shader = new Shader();
  const [q, features] = [shader.read(qk), shader.int(featuresOf(of))];
  shader.line(`ivec2 p = ivec2(gl_FragCoord.xy); vec4 top = ${least};
${overPixels(shader, width, (j) => `top = max(top, texelFetch(${q}, ivec3((2 * i + 1) * ${features} + p.x, p.y, ${j}), 0));`)}
o0 = top;`);
  return shader.pass("greatest keys", surface(featuresOf(of), of.batch * height, 1));
}

/** softmax over pixels of the keys, times (x - mean)/deviation: feature 4d + j and channels 4k to 4k + 3 of sample b are at (k, b·F/4 + d) of layer j. */
export function context(of: LinearAttention, greatest: Surface): Pass {
  const { x, moments, queriesAndKeys, batch } = of;
  const shader = new Shader();
  const sizes = [featuresOf(of), x.height, fours(x.channels)];
  const [features, height, texels] = sizes.map((n) => shader.int(n)) as [string, string, string];
  const [v, k, top, m] = [x.surface, queriesAndKeys.surface, greatest, moments].map((source) => shader.read(source));
  const add = (j: number): string => `{
    vec4 e = exp(texelFetch(${k}, ivec3((2 * i + 1) * ${features} + d, row, ${j}), 0) - top);
    vec4 v = texelFetch(${v}, ivec3(i * ${texels} + c, row, ${j}), 0) - moments.x;
    total += e; ${lanes((j) => `a${j} += e.${"xyzw"[j]} * v;`)}}`;
  shader.line(`int c = int(gl_FragCoord.x), d = int(gl_FragCoord.y) % ${features}, b = int(gl_FragCoord.y) / ${features};
vec2 moments = texelFetch(${m}, ivec2(0, b), 0).xy;
vec4 top = ${least}, total = vec4(0.), a0 = vec4(0.), a1 = a0, a2 = a0, a3 = a0;
for (int row = b * ${height}; row < (b + 1) * ${height}; row++) top = max(top, texelFetch(${top}, ivec2(d, row), 0));
for (int row = b * ${height}; row < (b + 1) * ${height}; row++) {${overPixels(shader, x.width, add)}}
${lanes((j) => `o${j} = a${j} * (moments.y / total.${"xyzw"[j]});`)}`);
  return shader.pass("context", surface(fours(x.channels), batch * featuresOf(of)));
}

/** The context times each head's matrix of values and outputs, laid out as the context is. */
export function contextOutputs(of: LinearAttention, contexts: Surface, weights: Table, biases: Table): Pass {
  const shader = new Shader();
  const sizes = [featuresOf(of), featuresOf(of) / of.heads, fours(of.x.channels)];
  const [features, ofHead, texels] = sizes.map((n) => shader.int(n)) as [string, string, string];
  const [x, w, bias] = [contexts, weights, biases].map((source) => shader.read(source));
  shader.line(`ivec2 p = ivec2(gl_FragCoord.xy); int c = p.x, head = (p.y % ${features}) / ${ofHead};
vec4 a0 = texelFetch(${bias}, ivec2(c, head), 0), a1 = a0, a2 = a0, a3 = a0;
for (int i = 0; i < ${texels}; i++) {
  ${weightsAt(`${w}`, `head * ${texels} + i`)}
  ${lanes((j) => `{vec4 v = texelFetch(${x}, ivec3(i, p.y, ${j}), 0); ${product(`a${j}`, "v")}}`)}
}
${lanes((j) => `o${j} = a${j};`)}`);
  return shader.pass("context's outputs", surface(weights.width / 4, of.batch * featuresOf(of)));
}

interface Softmax {
  /** GLSL for the first and the last but one `i`, and for the four scores at `i` of a pixel. */
  readonly from: string;
  readonly to: string;
  readonly scores: Value;
  /** GLSL that loads what the four scores weigh as w0 to w3. */
  readonly weights: string;
}

/** GLSL that adds to `sum` what softmax of some scores weighs. */
const softmaxed = (sum: Value, { from, to, scores, weights }: Softmax): string => `{
  ${lanes((j) => `vec4 q${j} = ${least}, total${j} = vec4(0.), part${j} = vec4(0.);`)}
  for (int i = ${from}; i < ${to}; i++) {${lanes((j) => `q${j} = max(q${j}, ${scores(j)});`)}}
  ${lanes((j) => `float top${j} = max(max(q${j}.x, q${j}.y), max(q${j}.z, q${j}.w));`)}
  for (int i = ${from}; i < ${to}; i++) {
    ${weights}
    ${lanes((j) => `{vec4 e = exp(${scores(j)} - top${j}); total${j} += e; ${product(`part${j}`, "e")}}`)}
  }
  ${lanes((j) => `${sum(j)} += part${j} / dot(total${j}, vec4(1.));`)}
}`;

/** softmax of the queries over a head's features, times the context's outputs. */
export function linearMix(shader: Shader, of: LinearAttention, outputs: Surface): Value {
  const [features, ofHead] = [featuresOf(of), featuresOf(of) / of.heads].map((n) => shader.int(n));
  const [q, m] = [shader.read(of.queriesAndKeys.surface), shader.read(outputs)];
  const sum = shader.declare(() => "vec4(0.)");
  const head = softmaxed(sum, {
    from: `h * ${ofHead}`,
    to: `(h + 1) * ${ofHead}`,
    scores: (j) => `texelFetch(${q}, ivec3(2 * g * ${features} + i, p.y, ${j}), 0)`,
    weights: lanes((z) => `vec4 w${z} = texelFetch(${m}, ivec3(c, b * ${features} + i, ${z}), 0);`),
  });
  shader.line(`for (int h = 0; h < ${of.heads}; h++) ${head}`);
  return sum;
}

/** What an attention reads: queries, keys and values in one image of 3·F channels. */
export interface Attention {
  readonly projections: Image;
  readonly heads: number;
  readonly batch: number;
}

/** Names of its sizes: texels of the features of all heads and of one, groups of four keys in a row and in the image, rows. */
function sizesOf(shader: Shader, { projections: { channels, height, width }, heads }: Attention) {
  const all = fours(channels) / 3;
  const sizes = [all, all / heads, fours(width), height * fours(width), height];
  const [features, ofHead, groups, keys, rows] = sizes.map((n) => shader.int(n)) as [string, string, string, string, string];
  return { features, ofHead, groups, keys, rows };
}

/**
 * Scores q·k: with N groups of four keys in an image, those of head h and of the keys 4n to 4n + 3 for pixel 4g + j of row y in sample b
 * are at (N·(heads·g + h) + n, b·height + y) of layer j.
 */
export function scores(of: Attention): Pass {
  const { projections: image, heads, batch } = of;
  const { height, width } = image;
  const shader = new Shader();
  const { features, ofHead, groups, keys, rows } = sizesOf(shader, of);
  const [q, end] = [shader.read(image.surface), shader.int(width)];
  const beyond = (z: number): string => (z === 0 ? "" : `if (4 * kg + ${z} >= ${end}) {${lanes((j) => `a${j}.${"xyzw"[z]} = ${masked};`)}}`);
  const dots = `vec4(${[0, 1, 2, 3].map((z) => `dot(q, k${z})`)})`;
  shader.line(`ivec2 p = ivec2(gl_FragCoord.xy); int n = p.x % ${keys}, h = p.x / ${keys} % ${heads}, g = p.x / ${keys} / ${heads};
int b = p.y / ${rows}, ky = n / ${groups}, kg = n % ${groups};
vec4 a0 = vec4(0.), a1 = a0, a2 = a0, a3 = a0;
for (int d = h * ${ofHead}; d < (h + 1) * ${ofHead}; d++) {
  ${lanes((z) => `vec4 k${z} = texelFetch(${q}, ivec3((3 * kg + 1) * ${features} + d, b * ${rows} + ky, ${z}), 0);`)}
  ${lanes((j) => `{vec4 q = texelFetch(${q}, ivec3(3 * g * ${features} + d, p.y, ${j}), 0); a${j} += ${dots};}`)}
}
${lanes(beyond)}
${lanes((j) => `o${j} = a${j};`)}`);
  return shader.pass("scores", surface(fours(width) * heads * height * fours(width), batch * height));
}

/** softmax over the keys of the scores, times the values. */
export function mix(shader: Shader, of: Attention, scoresOf: Surface): Value {
  const { features, ofHead, groups, keys, rows } = sizesOf(shader, of);
  const [s, v] = [shader.read(scoresOf), shader.read(of.projections.surface)];
  const sum = shader.declare(() => "vec4(0.)");
  const first = shader.local("int", `(g * ${of.heads} + c / ${ofHead}) * ${keys}`);
  const place = `ivec3((3 * (i % ${groups}) + 2) * ${features} + c, b * ${rows} + i / ${groups}`;
  const all = softmaxed(sum, {
    from: "0",
    to: keys,
    scores: (j) => `texelFetch(${s}, ivec3(${first} + i, p.y, ${j}), 0)`,
    weights: lanes((z) => `vec4 w${z} = texelFetch(${v}, ${place}, ${z}), 0);`),
  });
  shader.line(all);
  return sum;
}
