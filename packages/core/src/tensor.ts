/** A tensor is a node of a graph: what computes it, from what, and the shape that results. Writing model code writes the graph; nothing is computed yet. */

export type Shape = readonly number[];
/** What a tensor's numbers are; only feeds are integers. */
export type Dtype = "float32" | "int32";
interface Convolution {
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

type ShapeRules = { readonly [O in Op]: (inputs: readonly Shape[], attrs: Ops[O]) => Shape };

const same = ([x]: readonly Shape[]): Shape => x!;
const broadcasted = ([x, y]: readonly Shape[]): Shape => broadcast(x!, y!);
const given = (_: readonly Shape[], { shape }: { readonly shape: Shape }): Shape => shape;
const reduced = ([x]: readonly Shape[], { axes }: { readonly axes: readonly number[] }): Shape => x!.map((n, i) => (axes.includes(i) ? 1 : n));

const shapeRules: ShapeRules = {
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

/** A node of a graph. Its methods write further nodes; elementwise ones broadcast as NumPy does. Each throws a RangeError, with the part of the model, for shapes that do not fit. */
export class Tensor<O extends Op = Op> {
  readonly op: O;
  readonly inputs: readonly Tensor[];
  readonly attrs: Ops[O];
  readonly shape: Shape;
  /** The part of the model that wrote the node: the path of the nearest parameter. */
  readonly path: string;

  constructor(op: O, inputs: readonly Tensor[], attrs: Ops[O]) {
    this.op = op;
    this.inputs = inputs;
    this.attrs = attrs;
    this.path = pathOf(this);
    try {
      this.shape = shapeRules[op](
        inputs.map((x) => x.shape),
        attrs,
      );
    } catch (error) {
      throw new RangeError(`${op}${this.path && ` of ${this.path}`}: ${(error as Error).message}`, { cause: error });
    }
  }

  /** x + y. */
  add(y: Tensor | number): Tensor {
    return new Tensor("add", [this, lift(y)], {});
  }
  /** x − y. */
  sub(y: Tensor | number): Tensor {
    return new Tensor("sub", [this, lift(y)], {});
  }
  /** x · y, of each element. */
  mul(y: Tensor | number): Tensor {
    return new Tensor("mul", [this, lift(y)], {});
  }
  /** x / y. */
  div(y: Tensor | number): Tensor {
    return new Tensor("div", [this, lift(y)], {});
  }
  /** −x. */
  neg(): Tensor {
    return new Tensor("neg", [this], {});
  }
  /** eˣ. */
  exp(): Tensor {
    return new Tensor("exp", [this], {});
  }
  /** The natural logarithm. */
  log(): Tensor {
    return new Tensor("log", [this], {});
  }
  /** √x. */
  sqrt(): Tensor {
    return new Tensor("sqrt", [this], {});
  }
  /** 1/√x. */
  rsqrt(): Tensor {
    return new Tensor("rsqrt", [this], {});
  }
  /** The sine. */
  sin(): Tensor {
    return new Tensor("sin", [this], {});
  }
  /** The cosine. */
  cos(): Tensor {
    return new Tensor("cos", [this], {});
  }
  /** The error function, exact to the device's precision. */
  erf(): Tensor {
    return new Tensor("erf", [this], {});
  }
  /** 1 / (1 + e⁻ˣ). */
  sigmoid(): Tensor {
    return new Tensor("sigmoid", [this], {});
  }
  /** |x|. */
  abs(): Tensor {
    return new Tensor("abs", [this], {});
  }
  /** −1, 0 or 1. */
  sign(): Tensor {
    return new Tensor("sign", [this], {});
  }
  /** x, but at least `low` and at most `high`. */
  clip(low: number, high: number): Tensor {
    return new Tensor("clip", [this], { low, high });
  }
  /** 1 where x is a finite number, else 0. */
  finite(): Tensor {
    return new Tensor("finite", [this], {});
  }
  /** x · s, but 0 where s is 0, whatever x is. */
  gate(s: Tensor): Tensor {
    return new Tensor("gate", [this, s], {});
  }
  /** int32 as float32. */
  cast(): Tensor {
    return new Tensor("cast", [this], {});
  }
  /** x itself, through which no gradient goes. */
  stop(): Tensor {
    return new Tensor("stop", [this], {});
  }
  /** x + bias [c] over the last axis. */
  biasAdd(bias: Tensor): Tensor {
    return new Tensor("biasAdd", [this, bias], {});
  }
  /** Softmax over the last axis. */
  softmax(): Tensor {
    return new Tensor("softmax", [this], {});
  }
  /** x repeated along axes of length 1. */
  expand(...shape: number[]): Tensor {
    return new Tensor("expand", [this], { shape });
  }
  /** `length` places of one axis from `start` on. */
  slice(axis: number, start: number, length: number): Tensor {
    return new Tensor("slice", [this], { axis, start, length });
  }
  /** The sum over axes, which stay with length 1. */
  sum(...axes: number[]): Tensor {
    return new Tensor("sum", [this], { axes });
  }
  /** The greatest along axes, which stay with length 1. */
  max(...axes: number[]): Tensor {
    return new Tensor("max", [this], { axes });
  }
  /** The mean over axes, which stay with length 1. */
  mean(...axes: number[]): Tensor {
    return this.sum(...axes).mul(1 / axes.reduce((n, axis) => n * this.shape[axis]!, 1));
  }
  /** The same numbers in another shape. */
  reshape(...shape: number[]): Tensor {
    return new Tensor("reshape", [this], { shape });
  }
  /** Axes in another order: axis i of the result is axis `perm[i]`. */
  transpose(...perm: number[]): Tensor {
    return new Tensor("transpose", [this], { perm });
  }
  /** The product of matrices, which are the last two axes; those before are batches. */
  matmul(y: Tensor, { transposeA = false, transposeB = false } = {}): Tensor {
    return new Tensor("matmul", [this, y], { transposeA, transposeB });
  }
  /** A convolution of [b, h, w, in] with a kernel [height, width, in, out], which is not mirrored. */
  conv2d(kernel: Tensor, { stride = 1, padding = 0 } = {}): Tensor {
    return new Tensor("conv2d", [this, kernel], { stride, padding });
  }
  /** A convolution of each channel alone, with a kernel [height, width, channels, 1], at stride 1. */
  depthwiseConv2d(kernel: Tensor, padding: number): Tensor {
    return new Tensor("depthwiseConv2d", [this, kernel], { padding });
  }
}

/** A value fed at each run under `name`. */
export const input = (name: string, shape: Shape, dtype: Dtype = "float32"): Tensor => new Tensor("input", [], { name, shape, dtype });

/** A value kept by the program between runs under `name`. */
export const variable = (name: string, shape: Shape): Tensor<"variable"> => new Tensor("variable", [], { name, shape });

/** A number. */
export const constant = (value: number): Tensor => new Tensor("constant", [], { value });

/** Numbers that are a part of the graph. */
export const array = (values: ArrayLike<number>, ...shape: number[]): Tensor => new Tensor("array", [], { values: Float32Array.from(values), shape });

/** Tensors one after the other along an axis. */
export const concat = (xs: readonly Tensor[], axis: number): Tensor => new Tensor("concat", xs, { axis });

/** Standard normal numbers of the Philox stream fed as int32 [6] (see random.ts), in row-major order. */
export const randomNormal = (stream: Tensor, ...shape: number[]): Tensor => new Tensor("randomNormal", [stream], { shape });

/** Numbers in [0, 1), see `rowsOf` in random.ts; `shape` is [rows, n] with n a multiple of 4. */
export const randomUniform = (stream: Tensor, shape: readonly [number, number], lane: number): Tensor =>
  new Tensor("randomUniform", [stream], { shape, lane });

/** The sum of tensors of one shape. */
export const total = (xs: readonly Tensor[]): Tensor =>
  xs.length === 1 ? xs[0]! : xs.length === 2 ? xs[0]!.add(xs[1]!) : new Tensor("addN", xs, {});

/** `value`, written out from `xs`, under a name; with one gradient for each of `xs` if those are given in closed form. */
export const composite = (value: Tensor, xs: readonly Tensor[], attrs: Composite): Tensor<"composite"> =>
  new Tensor("composite", [value, ...xs], attrs);

/** Whether a convolution's padding is what TensorFlow calls `SAME`: what keeps ⌈n / stride⌉, the odd pixel at the end. For backends. */
export const isSamePadding = (
  image: Shape,
  kernel: Shape,
  { stride = 1, padding }: { readonly stride?: number; readonly padding: number },
): boolean => [0, 1].every((i) => (Math.ceil(image[i + 1]! / stride) - 1) * stride + kernel[i]! - image[i + 1]! === 2 * padding);

/** How many numbers a shape holds. */
export const size = (shape: Shape): number => shape.reduce((a, b) => a * b, 1);

/** The shape of an elementwise result: axes align at the end, and length 1 stretches. */
export function broadcast(a: Shape, b: Shape): Shape {
  const [long, short] = a.length >= b.length ? [a, b] : [b, a];
  return long.map((n, i) => {
    const m = short[i - long.length + short.length] ?? 1;
    if (n !== m && n !== 1 && m !== 1) throw new RangeError(`Cannot broadcast [${a}] with [${b}]`);
    return n === 1 ? m : n;
  });
}

/** The nodes that `roots` need, each after its inputs; not those that are `known`, nor what only they need. */
export function sort(roots: Iterable<Tensor>, known: { has(x: Tensor): boolean } = new Set()): Tensor[] {
  const done = new Set<Tensor>();
  const visit = (x: Tensor): void => {
    if (done.has(x) || known.has(x)) return;
    x.inputs.forEach(visit);
    done.add(x);
  };
  for (const root of roots) visit(root);
  return [...done];
}

const lift = (x: Tensor | number): Tensor => (typeof x === "number" ? constant(x) : x);

const equal = (a: Shape, b: Shape): boolean => a.length === b.length && a.every((n, i) => n === b[i]);

function pathOf({ op, inputs, attrs }: Pick<Tensor, "op" | "inputs" | "attrs">): string {
  if (op === "variable") return (attrs as Ops["variable"]).name.replace(/\.[^.]*$/, "");
  const parameter = inputs.find((x) => x.op === "variable");
  return (parameter ?? inputs.find((x) => x.path))?.path ?? "";
}
