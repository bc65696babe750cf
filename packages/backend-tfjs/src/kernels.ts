import { type Dtype, isSamePadding, type Op, type Shape, size, type Tensor } from "@ddpm/core/graph";
import { normals, rowsOf, uniforms } from "@ddpm/core/random";
import type * as tfjs from "@tensorflow/tfjs-core";

export type Tf = typeof tfjs;

/** Each op as calls of tfjs; inputs and variables are looked up by the program. */
export type Kernels = { readonly [O in Exclude<Op, "input" | "variable">]: (tf: Tf, inputs: tfjs.Tensor[], y: Tensor<O>) => tfjs.Tensor };

export const kernels: Kernels = {
  constant: (tf, _, { attrs: { value } }) => tf.scalar(value),
  array: (tf, _, { attrs: { values, shape } }) => tf.tensor(values, [...shape], "float32"),
  randomNormal: (tf, [stream], { shape }) => tf.tensor(Float32Array.from(normals(stream!.dataSync() as Int32Array, size(shape))), [...shape]),
  randomUniform: (tf, [stream], { shape, attrs: { lane } }) =>
    tf.tensor(Float32Array.from(uniforms(rowsOf(stream!.dataSync() as Int32Array, shape[1]! / 4, lane), size(shape))), [...shape]),
  cast: (tf, [x]) => tf.cast(x!, "float32"),
  add: (tf, [a, b]) => tf.add(a!, b!),
  sub: (tf, [a, b]) => tf.sub(a!, b!),
  mul: (tf, [a, b]) => tf.mul(a!, b!),
  div: (tf, [a, b]) => tf.div(a!, b!),
  addN: (tf, inputs) => tf.addN(inputs),
  neg: (tf, [x]) => tf.neg(x!),
  exp: (tf, [x]) => tf.exp(x!),
  log: (tf, [x]) => tf.log(x!),
  sqrt: (tf, [x]) => tf.sqrt(x!),
  rsqrt: (tf, [x]) => tf.rsqrt(x!),
  sin: (tf, [x]) => tf.sin(x!),
  cos: (tf, [x]) => tf.cos(x!),
  erf: (tf, [x]) => tf.erf(x!),
  sigmoid: (tf, [x]) => tf.sigmoid(x!),
  sigmoidGrad: (tf, [y, dy]) => tf.mul(tf.mul(dy!, y!), tf.sub(1, y!)),
  abs: (tf, [x]) => tf.abs(x!),
  sign: (tf, [x]) => tf.sign(x!),
  clip: (tf, [x], { attrs: { low, high } }) => tf.clipByValue(x!, low, high),
  finite: (tf, [x]) => tf.cast(tf.isFinite(x!), "float32"),
  gate: (tf, [x, s]) => tf.where(tf.equal(s!, 0), 0, tf.mul(x!, s!)),
  biasAdd: (tf, [x, bias]) => tf.add(x!, bias!),
  softmax: (tf, [x]) => tf.softmax(x!),
  composite: (tf, [value]) => tf.clone(value!),
  stop: (tf, [x]) => tf.clone(x!),
  allReduce: (tf, [x]) => tf.clone(x!),
  expand: (tf, [x], { shape }) => tf.broadcastTo(x!, [...shape] as never),
  slice: (tf, [x], { shape, attrs: { axis, start } }) =>
    tf.slice(
      x!,
      shape.map((_, i) => (i === axis ? start : 0)),
      [...shape],
    ),
  sum: (tf, [x], { attrs: { axes } }) => tf.sum(x!, [...axes], true),
  max: (tf, [x], { attrs: { axes } }) => tf.max(x!, [...axes], true),
  reshape: (tf, [x], { shape }) => tf.reshape(x!, [...shape]),
  transpose: (tf, [x], { attrs: { perm } }) => tf.transpose(x!, [...perm]),
  concat: (tf, inputs, { attrs: { axis } }) => tf.concat(inputs, axis),
  matmul: (tf, [a, b], { attrs: { transposeA, transposeB } }) => tf.matMul(a!, b!, transposeA, transposeB),
  conv2d: (tf, [x, kernel], { inputs, attrs }) => {
    const { how, around } = padding(inputs[0]!.shape, inputs[1]!.shape, attrs);
    return tf.conv2d(around(tf, x!), kernel as tfjs.Tensor4D, attrs.stride, how);
  },
  conv2dInputGrad: (tf, [dy, kernel], { inputs, shape, attrs }) => {
    const { how, padded, within } = padding(shape, inputs[1]!.shape, attrs);
    return within(tf, tf.conv2dTranspose(dy as tfjs.Tensor4D, kernel as tfjs.Tensor4D, padded, attrs.stride, how));
  },
  conv2dKernelGrad: (tf, [x, dy], { inputs, shape, attrs }) => {
    const { how: pad, around } = padding(inputs[0]!.shape, shape, attrs);
    const own = { strides: [attrs.stride, attrs.stride], pad, dataFormat: "NHWC", dimRoundingMode: undefined, filterShape: [...shape] };
    return run(tf, tf.Conv2DBackpropFilter, { x: around(tf, x!), dy: dy! }, own);
  },
  depthwiseConv2d: (tf, [x, kernel], { inputs, attrs }) => {
    const { how, around } = padding(inputs[0]!.shape, inputs[1]!.shape, attrs);
    return tf.depthwiseConv2d(around(tf, x!), kernel as tfjs.Tensor4D, 1, how);
  },
  depthwiseConv2dInputGrad: (tf, [dy, filter], { inputs, shape, attrs }) => {
    const { how: pad, padded: inputShape, within } = padding(shape, inputs[1]!.shape, attrs);
    const own = { strides: [1, 1], pad, dilations: [1, 1], inputShape };
    return within(tf, run(tf, tf.DepthwiseConv2dNativeBackpropInput, { dy: dy!, filter: filter! }, own));
  },
  depthwiseConv2dKernelGrad: (tf, [x, dy], { inputs, shape, attrs }) => {
    const { how: pad, around } = padding(inputs[0]!.shape, shape, attrs);
    const own = { strides: [1, 1], pad, dilations: [1, 1], filterShape: [...shape] };
    return run(tf, tf.DepthwiseConv2dNativeBackpropFilter, { x: around(tf, x!), dy: dy! }, own);
  },
};

const run = (tf: Tf, kernel: string, inputs: tfjs.NamedTensorMap, attrs: object): tfjs.Tensor =>
  tf.engine().runKernel(kernel, inputs, attrs as never);

/** A convolution's padding in the two ways that tfjs-node's gradients take: `same` where it means that, else `valid` on an image with zeros around. */
function padding(image: Shape, kernel: Shape, attrs: { readonly stride?: number; readonly padding: number }) {
  const [batch, height, width, channels] = image as [number, number, number, number];
  const same = isSamePadding(image, kernel, attrs);
  const n = same ? 0 : attrs.padding;
  const sides: [number, number][] = [
    [0, 0],
    [n, n],
    [n, n],
    [0, 0],
  ];
  const padded: [number, number, number, number] = [batch, height + 2 * n, width + 2 * n, channels];
  return {
    how: same ? ("same" as const) : ("valid" as const),
    padded,
    around: (tf: Tf, x: tfjs.Tensor): tfjs.Tensor4D => (n === 0 ? x : tf.pad(x, sides)) as tfjs.Tensor4D,
    within: (tf: Tf, x: tfjs.Tensor): tfjs.Tensor => (n === 0 ? x : tf.slice(x, [0, n, n, 0], [...image])),
  };
}

/** A tfjs tensor of host values. */
export const upload = (tf: Tf, values: ArrayLike<number>, shape: readonly number[], dtype: Dtype): tfjs.Tensor =>
  tf.tensor(dtype === "int32" ? Int32Array.from(values) : Float32Array.from(values), [...shape], dtype);
