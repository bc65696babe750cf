import { isSamePadding, type Op, type Shape, type Tensor } from "@ddpm/core/graph";
import type { GraphWriter } from "./graph-writer.ts";
import { type Attributes, attr } from "./protobuf.ts";

/** How each op is written as TensorFlow nodes: from the names of its inputs the name of its output. */
type Kernels = { readonly [O in Op]: (g: GraphWriter, inputs: string[], y: Tensor<O>) => string };

const T = { T: attr.type("float32") };
const int32 = { T: attr.type("int32") };
const nhwc = { data_format: attr.string("NHWC") };

const plain =
  (op: string, attributes: Attributes = T) =>
  (g: GraphWriter, inputs: string[], y: Tensor): string =>
    g.node(op, inputs, attributes, y.path);

const reduction = (op: string) => (g: GraphWriter, inputs: string[], y: Tensor<"sum" | "max">) =>
  g.node(op, [inputs[0]!, g.integers(y.attrs.axes)], { ...T, Tidx: attr.type("int32"), keep_dims: attr.boolean(true) }, y.path);

/** Numbers of a Philox stream, whose six words are the key's and the counter's halves. */
function random(g: GraphWriter, op: string, stream: string, shape: Shape): string {
  const words = (start: number, count: number): string => {
    const part = g.node("Slice", [stream, g.integers([start]), g.integers([count])], { ...int32, Index: attr.type("int32") });
    const pairs = g.node("Reshape", [part, g.integers([count / 2, 2])], { ...int32, Tshape: attr.type("int32") });
    return g.node("Bitcast", [pairs], { ...int32, type: attr.type("uint64") });
  };
  return g.node(op, [g.integers(shape), words(0, 2), words(2, 4), g.integer(1)], { dtype: attr.type("float32"), Tshape: attr.type("int32") });
}

export const kernels: Kernels = {
  input: (g, _, { attrs: { name, dtype, shape } }) => g.placeholder(name, dtype, shape),
  variable: (g, _, { attrs: { name, shape } }) => g.read(name, shape),
  constant: (g, _, { attrs: { value } }) => g.scalar(value),
  array: (g, _, { attrs: { values, shape } }) => g.constant("float32", shape, values),
  randomNormal: (g, [stream], { shape }) => random(g, "StatelessRandomNormalV2", stream!, shape),
  randomUniform: (g, [stream], { shape, attrs: { lane } }) => {
    const scaled = g.node("Mul", [stream!, g.integers([1, 1, shape[1]! / 4, 1, 1, 1])], int32);
    return random(g, "StatelessRandomUniformV2", g.node("AddV2", [scaled, g.integers([0, 0, 0, 0, 0, lane])], int32), shape);
  },
  cast: plain("Cast", { SrcT: attr.type("int32"), DstT: attr.type("float32") }),
  add: plain("AddV2"),
  sub: plain("Sub"),
  mul: plain("Mul"),
  div: plain("RealDiv"),
  addN: (g, inputs, y) => g.node("AddN", inputs, { ...T, N: attr.integer(inputs.length) }, y.path),
  neg: plain("Neg"),
  exp: plain("Exp"),
  log: plain("Log"),
  sqrt: plain("Sqrt"),
  rsqrt: plain("Rsqrt"),
  sin: plain("Sin"),
  cos: plain("Cos"),
  erf: plain("Erf"),
  sigmoid: plain("Sigmoid"),
  sigmoidGrad: plain("SigmoidGrad"),
  abs: plain("Abs"),
  sign: plain("Sign"),
  clip: (g, [x], { attrs: { low, high }, path }) => {
    const above = g.node("Maximum", [x!, g.scalar(low)], T, path);
    return g.node("Minimum", [above, g.scalar(high)], T, path);
  },
  finite: (g, [x], { path }) => g.node("Cast", [g.node("IsFinite", [x!], T, path)], { SrcT: attr.type("bool"), DstT: attr.type("float32") }, path),
  gate: plain("MulNoNan"),
  biasAdd: plain("BiasAdd", { ...T, ...nhwc }),
  softmax: plain("Softmax"),
  composite: (_, [value]) => value!,
  stop: (_, [x]) => x!,
  allReduce: (g, inputs, y) => g.allReduce(inputs, y),
  expand: (g, [x], y) => g.node("BroadcastTo", [x!, g.integers(y.shape)], { ...T, Tidx: attr.type("int32") }, y.path),
  slice: (g, [x], { shape, attrs: { axis, start }, path }) => {
    const begin = g.integers(shape.map((_, i) => (i === axis ? start : 0)));
    return g.node("Slice", [x!, begin, g.integers(shape)], { ...T, Index: attr.type("int32") }, path);
  },
  sum: (g, inputs, y) => (leading(y) ? sumOfLeading(g, inputs[0]!, y) : reduction("Sum")(g, inputs, y)),
  max: reduction("Max"),
  reshape: (g, [x], y) => reshape(g, x!, y),
  transpose: (g, [x], { attrs: { perm }, path }) => g.node("Transpose", [x!, g.integers(perm)], { ...T, Tperm: attr.type("int32") }, path),
  concat: (g, inputs, { attrs: { axis }, path }) =>
    g.node("ConcatV2", [...inputs, g.integer(axis)], { ...T, N: attr.integer(inputs.length), Tidx: attr.type("int32") }, path),
  matmul: (g, inputs, { shape, attrs: { transposeA, transposeB }, path }) =>
    shape.length === 2
      ? g.node("MatMul", inputs, { ...T, transpose_a: attr.boolean(transposeA), transpose_b: attr.boolean(transposeB) }, path)
      : g.node("BatchMatMulV2", inputs, { ...T, adj_x: attr.boolean(transposeA), adj_y: attr.boolean(transposeB) }, path),
  conv2d: (g, inputs, y) => g.node("Conv2D", inputs, convolution(y.inputs[0]!.shape, y.inputs[1]!.shape, y.attrs), y.path),
  conv2dInputGrad: (g, [dy, kernel], y) =>
    g.node("Conv2DBackpropInput", [g.integers(y.shape), kernel!, dy!], convolution(y.shape, y.inputs[1]!.shape, y.attrs), y.path),
  conv2dKernelGrad: (g, [x, dy], y) =>
    g.node("Conv2DBackpropFilter", [x!, g.integers(y.shape), dy!], convolution(y.inputs[0]!.shape, y.shape, y.attrs), y.path),
  depthwiseConv2d: (g, inputs, y) => g.node("DepthwiseConv2dNative", inputs, depthwise(y.shape, y.inputs[1]!.shape, y.attrs), y.path),
  depthwiseConv2dInputGrad: (g, [dy, kernel], y) =>
    g.node("DepthwiseConv2dNativeBackpropInput", [g.integers(y.shape), kernel!, dy!], depthwise(y.shape, y.inputs[1]!.shape, y.attrs), y.path),
  depthwiseConv2dKernelGrad: (g, [x, dy], y) =>
    g.node("DepthwiseConv2dNativeBackpropFilter", [x!, g.integers(y.shape), dy!], depthwise(y.inputs[0]!.shape, y.shape, y.attrs), y.path),
};

const reshape = (g: GraphWriter, x: string, y: Tensor): string =>
  g.node("Reshape", [x, g.integers(y.shape)], { ...T, Tshape: attr.type("int32") }, y.path);

/** Whether a sum runs over all axes but the last, for which BiasAddGrad is the fast kernel. */
const leading = ({ attrs: { axes }, shape }: Tensor<"sum">): boolean =>
  shape.length > 1 && axes.length === shape.length - 1 && !axes.includes(shape.length - 1);

const sumOfLeading = (g: GraphWriter, x: string, y: Tensor): string => reshape(g, g.node("BiasAddGrad", [x], { ...T, ...nhwc }, y.path), y);

/** `SAME` where it means the same padding, since its kernels are the faster ones. */
function padding(image: Shape, kernel: Shape, stride: number, padding: number): Attributes {
  const same = isSamePadding(image, kernel, { stride, padding });
  const sides = same ? [] : [0, 0, padding, padding, padding, padding, 0, 0];
  return { padding: attr.string(same ? "SAME" : "EXPLICIT"), explicit_paddings: attr.integers(sides) };
}

const convolution = (image: Shape, kernel: Shape, attrs: { stride: number; padding: number }): Attributes => ({
  ...T,
  ...nhwc,
  ...padding(image, kernel, attrs.stride, attrs.padding),
  strides: attr.integers([1, attrs.stride, attrs.stride, 1]),
  dilations: attr.integers([1, 1, 1, 1]),
  use_cudnn_on_gpu: attr.boolean(true),
});

const depthwise = (image: Shape, kernel: Shape, attrs: { padding: number }): Attributes => {
  const { use_cudnn_on_gpu: _, ...attributes } = convolution(image, kernel, { stride: 1, ...attrs });
  return attributes;
};
