/** The shape that each primitive gives, from those of its inputs. */
import type { Convolution, Op, Ops } from "./ops.ts";
import { broadcast, equal, type Shape, size } from "./shape.ts";

type ShapeRules = { readonly [O in Op]: (inputs: readonly Shape[], attrs: Ops[O]) => Shape };

const same = ([x]: readonly Shape[]): Shape => x!;
const broadcasted = ([x, y]: readonly Shape[]): Shape => broadcast(x!, y!);
const given = (_: readonly Shape[], { shape }: { readonly shape: Shape }): Shape => shape;
const reduced = ([x]: readonly Shape[], { axes }: { readonly axes: readonly number[] }): Shape => x!.map((n, i) => (axes.includes(i) ? 1 : n));

/** Each throws a RangeError for shapes that do not fit. */
export const shapeRules: ShapeRules = {
  input: given,
  variable: given,
  constant: () => [],
  array: (_, attrs) => reshaped([[attrs.values.length]], attrs),
  randomNormal: given,
  randomUniform: (_, { shape }) => {
    if (shape.length !== 2 || shape[1]! % 4 !== 0) throw new RangeError(`Cannot draw [${shape}], since rows have a multiple of 4 numbers`);
    return shape;
  },
  cast: same,
  add: broadcasted,
  sub: broadcasted,
  mul: broadcasted,
  div: broadcasted,
  addN: allSame,
  neg: same,
  exp: same,
  log: same,
  sqrt: same,
  rsqrt: same,
  sin: same,
  cos: same,
  erf: same,
  sigmoid: same,
  sigmoidGrad: allSame,
  abs: same,
  sign: same,
  clip: same,
  finite: same,
  gate: broadcasted,
  biasAdd: ([x, bias]) => {
    if (bias!.length !== 1 || bias![0] !== x!.at(-1)) throw new RangeError(`Cannot add a bias of [${bias}] to [${x}]`);
    return x!;
  },
  softmax: same,
  composite: same,
  stop: same,
  allReduce: same,
  expand: ([x], { shape }) => {
    if (!equal(broadcast(x!, shape), shape)) throw new RangeError(`Cannot expand [${x}] to [${shape}]`);
    return shape;
  },
  slice: ([x], { axis, start, length }) => {
    if (start < 0 || start + length > x![axis]!) throw new RangeError(`Cannot take ${length} from ${start} of axis ${axis} of [${x}]`);
    return x!.with(axis, length);
  },
  sum: reduced,
  max: reduced,
  reshape: reshaped,
  transpose: ([x], { perm }) => {
    if (![...perm].sort((a, b) => a - b).every((p, i) => p === i) || perm.length !== x!.length)
      throw new RangeError(`Cannot permute [${x}] by [${perm}]`);
    return perm.map((i) => x![i]!);
  },
  concat: ([x, ...rest], { axis }) => {
    for (const y of rest)
      if (!equal(y.with(axis, 0), x!.with(axis, 0))) throw new RangeError(`Cannot concatenate [${x}] with [${y}] along axis ${axis}`);
    return x!.with(
      axis,
      rest.reduce((n, y) => n + y[axis]!, x![axis]!),
    );
  },
  matmul: ([x, y], { transposeA, transposeB }) => {
    const [m, k] = transposeA ? [x!.at(-1)!, x!.at(-2)!] : [x!.at(-2)!, x!.at(-1)!];
    const [k2, n] = transposeB ? [y!.at(-1)!, y!.at(-2)!] : [y!.at(-2)!, y!.at(-1)!];
    if (k !== k2) throw new RangeError(`Cannot multiply matrices [${x}]${transposeA ? "ᵀ" : ""} and [${y}]${transposeB ? "ᵀ" : ""}`);
    return [...broadcast(x!.slice(0, -2), y!.slice(0, -2)), m, n];
  },
  conv2d: ([x, kernel], attrs) => {
    const [b, h, w, c] = x as [number, number, number, number];
    const [kh, kw, inputs, outputs] = kernel as [number, number, number, number];
    if (c !== inputs) throw new RangeError(`Cannot convolve [${x}] with a kernel of [${kernel}]`);
    return [b, convolved(h, kh, attrs), convolved(w, kw, attrs), outputs];
  },
  conv2dInputGrad: ([dy, kernel], attrs) => {
    const [b, h, w, c] = attrs.shape as [number, number, number, number];
    const [kh, kw, inputs, outputs] = kernel as [number, number, number, number];
    const expected = [b, convolved(h, kh, attrs), convolved(w, kw, attrs), outputs];
    if (!equal(expected, dy!) || c !== inputs)
      throw new RangeError(`Cannot take [${dy}] as the gradient of [${expected}] for a kernel of [${kernel}]`);
    return attrs.shape;
  },
  conv2dKernelGrad: given,
  depthwiseConv2d: ([x, kernel]) => {
    if (kernel![2] !== x![3] || kernel![3] !== 1) throw new RangeError(`Cannot convolve each channel of [${x}] with a kernel of [${kernel}]`);
    return x!;
  },
  depthwiseConv2dInputGrad: given,
  depthwiseConv2dKernelGrad: given,
};

function allSame([x, ...rest]: readonly Shape[]): Shape {
  for (const y of rest) if (!equal(x!, y)) throw new RangeError(`Cannot combine [${x}] with [${y}]`);
  return x!;
}

function reshaped([x]: readonly Shape[], { shape }: { readonly shape: Shape }): Shape {
  if (size(x!) !== size(shape)) throw new RangeError(`Cannot reshape [${x}] to [${shape}]`);
  return shape;
}

const convolved = (length: number, kernel: number, { stride, padding }: Convolution): number =>
  Math.floor((length + 2 * padding - kernel) / stride) + 1;

/** Whether a convolution's padding is what TensorFlow calls `SAME`: what keeps ⌈n / stride⌉, the odd pixel at the end. For backends. */
export const isSamePadding = (
  image: Shape,
  kernel: Shape,
  { stride = 1, padding }: { readonly stride?: number; readonly padding: number },
): boolean => [0, 1].every((i) => (Math.ceil(image[i + 1]! / stride) - 1) * stride + kernel[i]! - image[i + 1]! === 2 * padding);
