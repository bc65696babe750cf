// How each kind of node is written into a pass
import { concat, constant, type Tensor } from "@ddpm/core/graph";
import { type Attention, context, contextOutputs, greatestKeys, type LinearAttention, linearMix, mix, scores } from "./attention.ts";
import { convolution, depthwise, pointwise, transposedConvolution } from "./convolution.ts";
import { type Formula, formulas } from "./elementwise.ts";
import { argumentsOf, described, groupingOf, headsOf, type NodeName, NoPlan, nameOf } from "./graph.ts";
import { fours } from "./layout.ts";
import { ownMoments } from "./norm.ts";
import type { Planner, Site } from "./planner.ts";
import { type Image, matrices, rows, type Shader, type Surface, type Value } from "./shader.ts";

type Writer = (planner: Planner, node: Tensor, site: Site) => Value;

const elementwise =
  (formula: Formula): Writer =>
  (planner, node, site) => {
    const inputs = argumentsOf(node).map((x) => planner.value(x, site));
    return site.shader.declare((j) => {
      const values = inputs.map((value) => value(j));
      return formula(values, node.attrs, site.shader);
    });
  };

const product =
  (write: Writer): Writer =>
  (planner, node, site) =>
    planner.product(node, site, () => write(planner, node, site));

const convolved: Writer = (planner, node, { shader }) => {
  const [x, kernel] = argumentsOf(node) as [Tensor, Tensor];
  const { stride, padding } = (node as Tensor<"conv2d">).attrs;
  const images = planner.parts(x);
  const transposed = node.op === "conv2dInputGrad";
  if (transposed && stride !== 2) throw new NoPlan(`${described(node)} is transposed with stride ${stride}`);
  const channels = images.map(({ channels }) => channels);
  const weights = planner.onHost(transposed ? kernel.transpose(0, 1, 3, 2) : kernel);
  const taps = { kernel: sideOf(node, kernel), padding, stride };
  return (transposed ? transposedConvolution : convolution)(shader, images, shader.read(matrices(weights, channels, node.shape[3]!)), taps);
};

const depthwiseConvolved: Writer = (planner, node, { shader }) => {
  const [x, kernel] = argumentsOf(node) as [Tensor, Tensor];
  const [side, channels] = [sideOf(node, kernel), kernel.shape[2]!];
  const weights = rows(planner.onHost(kernel).reshape(side ** 2, channels), channels);
  return depthwise(shader, planner.image(x), shader.read(weights), { kernel: side, padding: (node as Tensor<"depthwiseConv2d">).attrs.padding });
};

function sideOf(node: Tensor, { shape }: Tensor): number {
  if (shape[0] !== shape[1]) throw new NoPlan(`${described(node)} has a kernel of ${shape[0]} × ${shape[1]}`);
  return shape[0]!;
}

const multiplied: Writer = (planner, node, { shader }) => {
  const [x, weights] = argumentsOf(node) as [Tensor, Tensor];
  const images = planner.parts(x);
  const channels = images.map(({ channels }) => channels);
  return pointwise(shader, images, shader.read(matrices(planner.onHost(weights), channels, weights.shape[1]!)));
};

/** Channel `n` of an image at the fragment's pixel j of four. */
const channelOf = (shader: Shader, { surface, channels }: Image, n: string): string =>
  `texelFetch(${shader.read(surface)}, ivec3(g * ${shader.int(fours(channels))} + ${n} / 4, p.y, j), 0)[${n} % 4]`;

/** A value whose channel n is the expression `channel`, in n and j. */
function byChannel(shader: Shader, channel: string): Value {
  const result = shader.declare(() => "vec4(0.)");
  for (const j of [0, 1, 2, 3])
    for (const [i, component] of [..."xyzw"].entries())
      shader.line(`{int n = c * 4 + ${i}; const int j = ${j}; ${result(j)}.${component} = ${channel};}`);
  return result;
}

const concatenated: Writer = (planner, node, { shader }) => {
  if ((node as Tensor<"concat">).attrs.axis !== 3) throw new NoPlan("it joins images along another axis than that of channels");
  let first = 0;
  const parts = planner.parts(node).map((image) => {
    const fetch = channelOf(shader, image, `(n - ${shader.int(first)})`);
    first += image.channels;
    return `n < ${shader.int(first)} ? ${fetch}`;
  });
  return byChannel(shader, `${parts.join(" : ")} : 0.`);
};

const sliced: Writer = (planner, node, { shader }) => {
  const { axis, start, length } = (node as Tensor<"slice">).attrs;
  if (axis !== 3) throw new NoPlan("it cuts images along another axis than that of channels");
  const image = planner.image(argumentsOf(node)[0]!);
  return byChannel(shader, `n < ${shader.int(length)} ? ${channelOf(shader, image, `(n + ${shader.int(start)})`)} : 0.`);
};

const normalised: Writer = (planner, node, site) => {
  const [x, gamma, beta] = argumentsOf(node) as [Tensor, Tensor, Tensor];
  const { shader } = site;
  const image = planner.image(x);
  const moments = planner.moments(described(x), image, node);
  const own = planner.own(image, site);
  const { mean, scale } = ownMoments(shader, moments, image, groupingOf(node).groups);
  const [g, s] = [gamma, beta].map((vector) => shader.read(rows(planner.onHost(vector), image.channels)));
  const slope = shader.local("vec4", `${scale} * texelFetch(${g}, ivec2(c, 0), 0)`);
  const shift = shader.local("vec4", `texelFetch(${s}, ivec2(c, 0), 0)`);
  return shader.declare((j) => `(${own(j)} - ${mean}) * ${slope} + ${shift}`);
};

interface Projected {
  readonly image: Image;
  /** Before its normalisation. */
  readonly x: Image;
  readonly moments: Surface;
  readonly gamma: Tensor;
  readonly beta: Tensor;
}

const isNormalised = (y: Tensor): boolean => nameOf(y) === "groupNorm" && groupingOf(y).groups === 1;

/** An image normalised in one group times a matrix, with γ and β in the weights: ((x - mean)·γW)/deviation + βW. */
function projected(planner: Planner, y: Tensor, weights: Tensor): Projected {
  if (!isNormalised(y)) throw new NoPlan("its linear attention does not follow a normalisation of one group");
  const [source, gamma, beta] = argumentsOf(y) as [Tensor, Tensor, Tensor];
  const x = planner.image(source);
  const outputs = weights.shape[1]!;
  const of = planner.moments(described(source), x, y);
  const { height, width, channels } = x;
  const empty = planner.imageOf([planner.batch, height, width, outputs]);
  const image = planner.store(`projections of ${source.path}`, empty, ({ shader }) => {
    const scaled = matrices(planner.onHost(gamma.reshape(channels, 1).mul(weights)), [channels], outputs);
    const shift = shader.read(rows(beta.reshape(1, channels).matmul(weights), outputs));
    const { mean, scale } = ownMoments(shader, of, x, 1);
    const sum = pointwise(shader, [x], shader.read(scaled), (v) => `(${v} - ${mean})`);
    return shader.declare((j) => `${sum(j)} * ${scale} + texelFetch(${shift}, ivec2(c, 0), 0)`);
  });
  return { image, x, moments: of, gamma, beta };
}

/** An image times a matrix, with biases or none. */
function multipliedImage(planner: Planner, y: Tensor, weights: Tensor, biases: Tensor | undefined): Image {
  const x = planner.image(y);
  const outputs = weights.shape[1]!;
  return planner.store(`projections of ${y.path}`, planner.imageOf([...y.shape.slice(0, 3), outputs]), ({ shader }) => {
    const sum = pointwise(shader, [x], shader.read(matrices(planner.onHost(weights), [x.channels], outputs)));
    if (!biases) return sum;
    const added = shader.read(rows(planner.onHost(biases), outputs));
    return shader.declare((j) => `${sum(j)} + texelFetch(${added}, ivec2(c, 0), 0)`);
  });
}

/** Heads of a width that four divides: a texel of features belongs to one. */
function wholeHeadsOf(node: Tensor, features: number): number {
  const heads = headsOf(node);
  if ((features / heads) % 4 !== 0) throw new NoPlan(`${described(node)} has heads of ${features / heads} features`);
  return heads;
}

const attended: Writer = (planner, node, { shader }) => {
  const [y, q, k, v, qBias, vBias] = argumentsOf(node) as [Tensor, Tensor, Tensor, Tensor, Tensor?, Tensor?];
  const width = q.shape[1]!;
  const heads = wholeHeadsOf(node, width);
  const scale = (width / heads) ** -0.5;
  const weights = concat([q.mul(scale), k, v], 1);
  const biases = qBias && vBias && concat([qBias.mul(scale), constant(0).expand(width), vBias], 0);
  const projections = isNormalised(y) && !biases ? projected(planner, y, weights).image : multipliedImage(planner, y, weights, biases);
  const of: Attention = { projections, heads, batch: planner.batch };
  const pass = scores(of);
  planner.emit(pass);
  return mix(shader, of, pass.output);
};

const linearlyAttended: Writer = (planner, node, { shader }) => {
  const [y, q, k, outputs] = argumentsOf(node) as [Tensor, Tensor, Tensor, Tensor];
  const heads = wholeHeadsOf(node, q.shape[1]!);
  const { image, x, moments, gamma, beta } = projected(planner, y, concat([q, k], 1));
  const of: LinearAttention = { x, moments, queriesAndKeys: image, heads, batch: planner.batch };
  const [channels, width] = [x.channels, outputs.shape[2]!];
  const weights = matrices(planner.onHost(gamma.reshape(channels, 1).mul(outputs)), [channels], width);
  const biases = rows(beta.reshape(1, 1, channels).matmul(outputs).reshape(heads, width), width);
  const greatest = greatestKeys(of);
  const contexts = context(of, greatest.output);
  const pass = contextOutputs(of, contexts.output, weights, biases);
  planner.emit(greatest, contexts, pass);
  return linearMix(shader, of, pass.output);
};

/** Every kind of node that a pass can have; a graph with another has no plan. */
export const writers: { readonly [N in NodeName]?: Writer } = {
  ...Object.fromEntries(Object.entries(formulas).map(([name, formula]) => [name, elementwise(formula)])),
  concat: concatenated,
  slice: sliced,
  groupNorm: normalised,
  pointwise: product(multiplied),
  conv2d: product(convolved),
  conv2dInputGrad: product(convolved),
  depthwiseConv2d: product(depthwiseConvolved),
  attention: product(attended),
  linearAttention: product(linearlyAttended),
};
