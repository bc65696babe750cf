/** A tensor is a node of a graph: what computes it, from what, and the shape that results. Writing model code writes the graph; nothing is computed yet. */
import type { Composite, Dtype, Op, Ops } from "./ops.ts";
import type { Shape } from "./shape.ts";
import { shapeRules } from "./shape-rules.ts";

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
export const concat = (xs: readonly Tensor[], axis: number): Tensor => (xs.length === 1 ? xs[0]! : new Tensor("concat", xs, { axis }));

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

function pathOf({ op, inputs, attrs }: Pick<Tensor, "op" | "inputs" | "attrs">): string {
  if (op === "variable") return (attrs as Ops["variable"]).name.replace(/\.[^.]*$/, "");
  const parameter = inputs.find((x) => x.op === "variable");
  return (parameter ?? inputs.find((x) => x.path))?.path ?? "";
}
