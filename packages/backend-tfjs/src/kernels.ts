import { type Dtype, normals, type Op, size, type Tensor } from "@ddpm/core";
import type * as tfjs from "@tensorflow/tfjs-core";

export type Tf = typeof tfjs;

/** Each op as calls of tfjs; inputs and variables are looked up by the program. */
type Kernels = { readonly [O in Exclude<Op, "input" | "variable">]: (tf: Tf, inputs: tfjs.Tensor[], y: Tensor<O>) => tfjs.Tensor };

export const kernels: Kernels = {
  constant: (tf, _, { attrs: { value } }) => tf.scalar(value),
  array: (tf, _, { attrs: { values, shape } }) => tf.tensor(values, [...shape], "float32"),
  randomNormal: (tf, [stream], { shape }) => tf.tensor(Float32Array.from(normals(stream!.dataSync() as Int32Array, size(shape))), [...shape]),
  cast: (tf, [x]) => tf.cast(x!, "float32"),
  add: (tf, [a, b]) => tf.add(a!, b!),
  sub: (tf, [a, b]) => tf.sub(a!, b!),
  mul: (tf, [a, b]) => tf.mul(a!, b!),
  div: (tf, [a, b]) => tf.div(a!, b!),
  addN: (tf, inputs) => tf.addN(inputs),
  neg: (tf, [x]) => tf.neg(x!),
  exp: (tf, [x]) => tf.exp(x!),
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
  biasAdd: (tf, [x, bias]) => tf.add(x!, bias!),
  softmax: (tf, [x]) => tf.softmax(x!),
  withGradient: (tf, [value]) => tf.clone(value!),
  stop: (tf, [x]) => tf.clone(x!),
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
  conv2d: (tf, [x, kernel], { attrs: { stride, padding } }) => tf.conv2d(x as tfjs.Tensor4D, kernel as tfjs.Tensor4D, stride, sides(padding)),
  conv2dInputGrad: (tf, [dy, kernel], { shape, attrs: { stride, padding } }) =>
    tf.conv2dTranspose(dy as tfjs.Tensor4D, kernel as tfjs.Tensor4D, [...shape] as [number, number, number, number], stride, sides(padding)),
  conv2dKernelGrad: (tf, [x, dy], { shape, attrs: { stride, padding } }) => {
    const attrs = { strides: [stride, stride], pad: sides(padding), dataFormat: "NHWC", dimRoundingMode: undefined, filterShape: [...shape] };
    return tf.engine().runKernel(tf.Conv2DBackpropFilter, { x: x!, dy: dy! }, attrs as never) as tfjs.Tensor;
  },
  depthwiseConv2d: (tf, [x, kernel], { attrs: { padding } }) => tf.depthwiseConv2d(x as tfjs.Tensor4D, kernel as tfjs.Tensor4D, 1, sides(padding)),
  depthwiseConv2dInputGrad: (tf, [dy, filter], { shape, attrs: { padding } }) => {
    const attrs = { strides: [1, 1], pad: sides(padding), dilations: [1, 1], inputShape: [...shape] };
    return tf.engine().runKernel(tf.DepthwiseConv2dNativeBackpropInput, { dy: dy!, filter: filter! }, attrs as never) as tfjs.Tensor;
  },
  depthwiseConv2dKernelGrad: (tf, [x, dy], { shape, attrs: { padding } }) => {
    const attrs = { strides: [1, 1], pad: sides(padding), dilations: [1, 1], filterShape: [...shape] };
    return tf.engine().runKernel(tf.DepthwiseConv2dNativeBackpropFilter, { x: x!, dy: dy! }, attrs as never) as tfjs.Tensor;
  },
};

/** tfjs' explicit padding, or `valid` for none. */
const sides = (padding: number): "valid" | [[number, number], [number, number], [number, number], [number, number]] =>
  padding === 0
    ? "valid"
    : [
        [0, 0],
        [padding, padding],
        [padding, padding],
        [0, 0],
      ];

/** A tfjs tensor of host values. */
export const upload = (tf: Tf, values: ArrayLike<number>, shape: readonly number[], dtype: Dtype): tfjs.Tensor =>
  tf.tensor(dtype === "int32" ? Int32Array.from(values) : Float32Array.from(values), [...shape], dtype);
