import type { Op } from "./ops.ts";
import { normals, rowsOf, uniforms } from "./random.ts";
import { type Shape, size } from "./shape.ts";
import type { Tensor } from "./tensor.ts";

/** Each op as plain loops over row-major float64 values. */
type Kernels = { readonly [O in Exclude<Op, "input" | "variable">]: (inputs: readonly Float64Array[], y: Tensor<O>) => Float64Array };

export const kernels: Kernels = {
  constant: (_, { attrs: { value } }) => Float64Array.of(value),
  array: (_, { attrs: { values } }) => new Float64Array(values),
  randomNormal: ([stream], { shape }) => normals(Int32Array.from(stream!), size(shape)),
  randomUniform: ([stream], { shape, attrs: { lane } }) => uniforms(rowsOf(Int32Array.from(stream!), shape[1]! / 4, lane), size(shape)),
  cast: first,
  add: elementwise((a, b) => a + b),
  sub: elementwise((a, b) => a - b),
  mul: elementwise((a, b) => a * b),
  div: elementwise((a, b) => a / b),
  addN: (inputs) => inputs[0]!.map((_, i) => inputs.reduce((sum, x) => sum + x[i]!, 0)),
  neg: ([x]) => x!.map((a) => -a),
  exp: ([x]) => x!.map(Math.exp),
  log: ([x]) => x!.map(Math.log),
  sqrt: ([x]) => x!.map(Math.sqrt),
  rsqrt: ([x]) => x!.map((a) => 1 / Math.sqrt(a)),
  sin: ([x]) => x!.map(Math.sin),
  cos: ([x]) => x!.map(Math.cos),
  erf: ([x]) => x!.map(erf),
  sigmoid: ([x]) => x!.map((a) => 1 / (1 + Math.exp(-a))),
  sigmoidGrad: ([y, dy]) => y!.map((s, i) => dy![i]! * s * (1 - s)),
  abs: ([x]) => x!.map(Math.abs),
  sign: ([x]) => x!.map(Math.sign),
  clip: ([x], { attrs: { low, high } }) => x!.map((a) => Math.min(Math.max(a, low), high)),
  finite: ([x]) => x!.map((a) => Number(Number.isFinite(a))),
  gate: elementwise((a, s) => (s === 0 ? 0 : a * s)),
  biasAdd: ([x, bias]) => x!.map((a, i) => a + bias![i % bias!.length]!),
  softmax: ([x], { shape }) => softmax(x!, shape.at(-1)!),
  composite: first,
  stop: first,
  allReduce: first,
  expand: ([x], { inputs, shape }) => gather(x!, shape, broadcastStrides(inputs[0]!.shape, shape)),
  slice: ([x], { inputs, shape, attrs: { axis, start } }) => {
    const from = strides(inputs[0]!.shape);
    return gather(x!, shape, from, start * from[axis]!);
  },
  sum: (inputs, y) => reduce(inputs[0]!, y, 0, (a, b) => a + b),
  max: (inputs, y) => reduce(inputs[0]!, y, Number.NEGATIVE_INFINITY, Math.max),
  reshape: first,
  transpose: ([x], { inputs, shape, attrs: { perm } }) => {
    const from = strides(inputs[0]!.shape);
    return gather(
      x!,
      shape,
      perm.map((axis) => from[axis]!),
    );
  },
  concat: (parts, { inputs, shape, attrs: { axis } }) => {
    const inner = size(shape.slice(axis + 1));
    const out = new Float64Array(size(shape));
    let at = 0;
    for (let outer = 0; outer < size(shape.slice(0, axis)); outer++) {
      for (const [i, part] of parts.entries()) {
        const length = inputs[i]!.shape[axis]! * inner;
        out.set(part.subarray(outer * length, (outer + 1) * length), at);
        at += length;
      }
    }
    return out;
  },
  matmul,
  conv2d: ([x, kernel], y) => {
    const out = new Float64Array(size(y.shape));
    const [inputs, outputs] = [y.inputs[1]!.shape[2]!, y.inputs[1]!.shape[3]!];
    eachTap(y.inputs[0]!.shape, y.inputs[1]!.shape, y.shape, y.attrs, (pixel, tap, at) => {
      for (let i = 0; i < inputs; i++) {
        for (let o = 0; o < outputs; o++) out[at * outputs + o]! += x![pixel * inputs + i]! * kernel![(tap * inputs + i) * outputs + o]!;
      }
    });
    return out;
  },
  conv2dInputGrad: ([dy, kernel], y) => {
    const out = new Float64Array(size(y.shape));
    const [inputs, outputs] = [y.inputs[1]!.shape[2]!, y.inputs[1]!.shape[3]!];
    eachTap(y.shape, y.inputs[1]!.shape, y.inputs[0]!.shape, y.attrs, (pixel, tap, at) => {
      for (let i = 0; i < inputs; i++) {
        for (let o = 0; o < outputs; o++) out[pixel * inputs + i]! += dy![at * outputs + o]! * kernel![(tap * inputs + i) * outputs + o]!;
      }
    });
    return out;
  },
  conv2dKernelGrad: ([x, dy], y) => {
    const out = new Float64Array(size(y.shape));
    const [inputs, outputs] = [y.shape[2]!, y.shape[3]!];
    eachTap(y.inputs[0]!.shape, y.shape, y.inputs[1]!.shape, y.attrs, (pixel, tap, at) => {
      for (let i = 0; i < inputs; i++) {
        for (let o = 0; o < outputs; o++) out[(tap * inputs + i) * outputs + o]! += x![pixel * inputs + i]! * dy![at * outputs + o]!;
      }
    });
    return out;
  },
  depthwiseConv2d: ([x, kernel], y) => {
    const out = new Float64Array(size(y.shape));
    const channels = y.shape[3]!;
    eachTap(y.shape, y.inputs[1]!.shape, y.shape, { stride: 1, ...y.attrs }, (pixel, tap, at) => {
      for (let c = 0; c < channels; c++) out[at * channels + c]! += x![pixel * channels + c]! * kernel![tap * channels + c]!;
    });
    return out;
  },
  depthwiseConv2dInputGrad: ([dy, kernel], y) => {
    const out = new Float64Array(size(y.shape));
    const channels = y.shape[3]!;
    eachTap(y.shape, y.inputs[1]!.shape, y.shape, { stride: 1, ...y.attrs }, (pixel, tap, at) => {
      for (let c = 0; c < channels; c++) out[pixel * channels + c]! += dy![at * channels + c]! * kernel![tap * channels + c]!;
    });
    return out;
  },
  depthwiseConv2dKernelGrad: ([x, dy], y) => {
    const out = new Float64Array(size(y.shape));
    const image = y.inputs[0]!.shape;
    const channels = image[3]!;
    eachTap(image, y.shape, image, { stride: 1, ...y.attrs }, (pixel, tap, at) => {
      for (let c = 0; c < channels; c++) out[tap * channels + c]! += x![pixel * channels + c]! * dy![at * channels + c]!;
    });
    return out;
  },
};

function first([x]: readonly Float64Array[]): Float64Array {
  return x!;
}

function strides(shape: Shape): number[] {
  return shape.map((_, axis) => size(shape.slice(axis + 1)));
}

/** Strides that read a smaller shape as if it were stretched to `shape`. */
function broadcastStrides(from: Shape, shape: Shape): number[] {
  const lead = shape.length - from.length;
  const own = strides(from);
  return shape.map((_, axis) => (axis < lead || from[axis - lead] === 1 ? 0 : own[axis - lead]!));
}

/** Offsets, in row-major order of `shape`, of a walk with the given strides. */
function* walk(shape: Shape, steps: readonly number[], start = 0): Generator<number> {
  const index = shape.map(() => 0);
  let offset = start;
  for (let i = size(shape); i > 0; i--) {
    yield offset;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      offset += steps[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      offset -= shape[axis]! * steps[axis]!;
      index[axis] = 0;
    }
  }
}

function gather(x: Float64Array, shape: Shape, steps: readonly number[], start = 0): Float64Array {
  const out = new Float64Array(size(shape));
  let i = 0;
  for (const offset of walk(shape, steps, start)) out[i++] = x[offset]!;
  return out;
}

function elementwise(f: (a: number, b: number) => number) {
  return ([a, b]: readonly Float64Array[], { inputs, shape }: Tensor): Float64Array => {
    const [left, right] = [a!, b!].map((x, i) => (x.length === size(shape) ? x : gather(x, shape, broadcastStrides(inputs[i]!.shape, shape))));
    return left!.map((value, i) => f(value, right![i]!));
  };
}

function reduce(x: Float64Array, { inputs, shape }: Tensor, start: number, f: (a: number, b: number) => number): Float64Array {
  const out = new Float64Array(size(shape)).fill(start);
  let i = 0;
  for (const offset of walk(inputs[0]!.shape, broadcastStrides(shape, inputs[0]!.shape))) out[offset] = f(out[offset]!, x[i++]!);
  return out;
}

function softmax(x: Float64Array, length: number): Float64Array {
  const out = new Float64Array(x.length);
  for (let at = 0; at < x.length; at += length) {
    const row = x.subarray(at, at + length);
    const largest = row.reduce((a, b) => Math.max(a, b));
    const e = row.map((a) => Math.exp(a - largest));
    const total = e.reduce((a, b) => a + b);
    for (let i = 0; i < length; i++) out[at + i] = e[i]! / total;
  }
  return out;
}

function matmul([a, b]: readonly Float64Array[], { inputs, shape, attrs: { transposeA, transposeB } }: Tensor<"matmul">): Float64Array {
  const [m, n] = shape.slice(-2) as [number, number];
  const k = inputs[0]!.shape.at(transposeA ? -2 : -1)!;
  const lead = shape.slice(0, -2);
  const matrices = [0, 1].map((i) => {
    const own = inputs[i]!.shape;
    return [...walk(lead, broadcastStrides(own.slice(0, -2), lead))].map((matrix) => matrix * own.at(-1)! * own.at(-2)!);
  });
  const [rowA, stepA] = transposeA ? [1, m] : [k, 1];
  const [rowB, stepB] = transposeB ? [1, k] : [n, 1];
  const out = new Float64Array(size(shape));
  for (let matrix = 0; matrix < size(lead); matrix++) {
    const [startA, startB, start] = [matrices[0]![matrix]!, matrices[1]![matrix]!, matrix * m * n];
    for (let i = 0; i < m; i++) {
      for (let p = 0; p < k; p++) {
        const value = a![startA + i * rowA + p * stepA]!;
        for (let j = 0; j < n; j++) out[start + i * n + j]! += value * b![startB + p * rowB + j * stepB]!;
      }
    }
  }
  return out;
}

/** Calls `visit` with the input pixel, the kernel tap and the output pixel of every product of a convolution. */
function eachTap(
  image: Shape,
  kernel: Shape,
  output: Shape,
  { stride, padding }: { stride: number; padding: number },
  visit: (pixel: number, tap: number, at: number) => void,
): void {
  const [batch, height, width] = image as [number, number, number];
  const [, rows, columns] = output as [number, number, number];
  const [kh, kw] = kernel as [number, number];
  for (let at = 0; at < batch * rows * columns; at++) {
    const sample = Math.floor(at / (rows * columns));
    const top = (Math.floor(at / columns) % rows) * stride - padding;
    const left = (at % columns) * stride - padding;
    for (let tap = 0; tap < kh * kw; tap++) {
      const [y, x] = [top + Math.floor(tap / kw), left + (tap % kw)];
      if (y >= 0 && y < height && x >= 0 && x < width) visit((sample * height + y) * width + x, tap, at);
    }
  }
}

/** The error function to float64: its series below 3, the continued fraction of erfc above (Abramowitz and Stegun 7.1.6, 7.1.14). */
function erf(x: number): number {
  const z = Math.abs(x);
  if (z > 6) return Math.sign(x);
  const gauss = Math.exp(-z * z) / Math.sqrt(Math.PI);
  if (z < 3) {
    let term = z;
    let sum = z;
    for (let n = 1; term > sum * 1e-17; n++) {
      term *= (2 * z * z) / (2 * n + 1);
      sum += term;
    }
    return Math.sign(x) * 2 * gauss * sum;
  }
  let fraction = 0;
  for (let n = 60; n > 0; n--) fraction = n / 2 / (z + fraction);
  return Math.sign(x) * (1 - gauss / (z + fraction));
}
