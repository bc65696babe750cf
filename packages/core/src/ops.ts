/** The primitives that graphs are written in, and the attributes of each. */
import type { Shape } from "./shape.ts";
import type { Tensor } from "./tensor.ts";

/** What a tensor's numbers are; only feeds are integers. */
export type Dtype = "float32" | "int32";
/** How a kernel goes over an image: how many pixels at a time, and with how many zeros on each side. */
export interface Convolution {
  readonly stride: number;
  readonly padding: number;
}

/**
 * What a composite is: a function of its arguments which backends may compute in their own way.
 *
 * - silu(x) = x·sigmoid(x); gelu(x) = x·Φ(x); l1, l2, huber(d): see loss.ts
 * - pointwise(x, W) = x·W over the channels of [b, h, w, c]
 * - groupNorm(x, γ, β): see nn.ts
 * - attention(y, Wq, Wk, Wv) = softmax(q·kᵀ/√d)·v for each head, with q = y·Wq, …; two arguments more are biases of q and v
 * - linearAttention(y, Wq, Wk, Wvo) = softmax over features(q) · (softmax over pixels(k)ᵀ·y)·Wvo for each head, with Wvo [heads, c, c]
 */
export type Composite = (
  | { readonly name: "silu" | "gelu" | "pointwise" | "l1" | "l2" | "huber" }
  | { readonly name: "groupNorm"; readonly groups: number; readonly eps: number }
  | { readonly name: "attention" | "linearAttention"; readonly heads: number }
) & {
  /** Gradients of the arguments in closed form; without it they are the decomposition's. */
  readonly gradient?: (dy: Tensor) => readonly Tensor[];
};

/** Every primitive and its attributes. Images are [batch, height, width, channels]; kernels [height, width, in, out]. */
export interface Ops {
  /** A value fed at each run. */
  input: { readonly name: string; readonly shape: Shape; readonly dtype: Dtype };
  /** A value that a program keeps between runs: a parameter, a moment, an average. */
  variable: { readonly name: string; readonly shape: Shape };
  constant: { readonly value: number };
  array: { readonly values: Float32Array; readonly shape: Shape };
  /** Standard normal numbers of the Philox stream that is fed as int32 [6]. */
  randomNormal: { readonly shape: Shape };
  /** Numbers in [0, 1), [rows, n] with n a multiple of 4, of the lane `lane` of the Philox stream that is fed as int32 [6] and whose offset counts rows. */
  randomUniform: { readonly shape: Shape; readonly lane: number };
  /** int32 to float32. */
  cast: None;
  add: None;
  sub: None;
  mul: None;
  div: None;
  /** The sum of tensors of one shape. */
  addN: None;
  neg: None;
  exp: None;
  log: None;
  sqrt: None;
  rsqrt: None;
  sin: None;
  cos: None;
  erf: None;
  sigmoid: None;
  /** dy · y · (1 - y) of y = sigmoid(x) and dy. */
  sigmoidGrad: None;
  abs: None;
  sign: None;
  clip: { readonly low: number; readonly high: number };
  /** 1 where the input is a finite number, else 0. */
  finite: None;
  /** x · s of x and s, but 0 where s is 0, whatever x is. */
  gate: None;
  /** Adds a vector to the last axis. */
  biasAdd: None;
  /** Over the last axis. */
  softmax: None;
  /** The first input, which is a known function of the others; a backend may compute it from them in its own way. */
  composite: Composite;
  /** The input, seen as a constant by gradients. */
  stop: None;
  /** The sum of all workers' values (see workers.ts) of the first input, after the second if there is one; of a device that works alone the value itself. */
  allReduce: None;
  /** Repeats along axes of length 1. */
  expand: { readonly shape: Shape };
  slice: { readonly axis: number; readonly start: number; readonly length: number };
  /** Reductions keep their axes with length 1. */
  sum: { readonly axes: readonly number[] };
  max: { readonly axes: readonly number[] };
  reshape: { readonly shape: Shape };
  transpose: { readonly perm: readonly number[] };
  concat: { readonly axis: number };
  /** Over the last two axes, the first of either side transposed on request; leading axes broadcast. */
  matmul: { readonly transposeA: boolean; readonly transposeB: boolean };
  conv2d: Convolution;
  /** The gradient of conv2d by its image, from dy and the kernel; also the transposed convolution. */
  conv2dInputGrad: Convolution & { readonly shape: Shape };
  /** The gradient of conv2d by its kernel, from the image and dy. */
  conv2dKernelGrad: Convolution & { readonly shape: Shape };
  /** One filter a channel, stride 1; kernels [height, width, channels, 1]. */
  depthwiseConv2d: { readonly padding: number };
  depthwiseConv2dInputGrad: { readonly padding: number; readonly shape: Shape };
  depthwiseConv2dKernelGrad: { readonly padding: number; readonly shape: Shape };
}
type None = Readonly<Record<string, never>>;
/** Name of a primitive. */
export type Op = keyof Ops;
