import type { Op, Ops } from "./ops.ts";
import { type Shape, size } from "./shape.ts";
import { concat, constant, sort, Tensor, total } from "./tensor.ts";

/** For each op, from dL/dy the gradient dL/dx of each input; broadcasting is undone by `gradients`. */
type GradientRules = { readonly [O in Op]: (dy: Tensor, y: Tensor<O>) => readonly (Tensor | undefined)[] };

const zero = (): readonly undefined[] => [undefined];

const rules: GradientRules = {
  input: () => [],
  variable: () => [],
  constant: () => [],
  array: () => [],
  randomNormal: zero,
  randomUniform: zero,
  cast: zero,
  stop: zero,
  sign: zero,
  finite: zero,
  allReduce: (dy) => [new Tensor("allReduce", [dy], {})],
  composite: (dy, { attrs: { gradient } }) => (gradient ? [undefined, ...gradient(dy)] : [dy]),
  add: (dy) => [dy, dy],
  addN: (dy, { inputs }) => inputs.map(() => dy),
  sub: (dy) => [dy, dy.neg()],
  mul: (dy, { inputs: [a, b] }) => [dy.mul(b!), dy.mul(a!)],
  div: (dy, y) => [dy.div(y.inputs[1]!), dy.mul(y).div(y.inputs[1]!).neg()],
  neg: (dy) => [dy.neg()],
  exp: (dy, y) => [dy.mul(y)],
  log: (dy, { inputs: [x] }) => [dy.div(x!)],
  sqrt: (dy, y) => [dy.div(y.mul(2))],
  rsqrt: (dy, y) => [dy.mul(y.mul(y).mul(y)).mul(-0.5)],
  sin: (dy, { inputs: [x] }) => [dy.mul(x!.cos())],
  cos: (dy, { inputs: [x] }) => [dy.mul(x!.sin()).neg()],
  erf: (dy, { inputs: [x] }) => [dy.mul(x!.mul(x!).neg().exp()).mul(2 / Math.sqrt(Math.PI))],
  sigmoid: (dy, y) => [new Tensor("sigmoidGrad", [y, dy], {})],
  sigmoidGrad: (dz, { inputs: [y, dy] }) => [dz.mul(dy!).mul(constant(1).sub(y!.mul(2))), dz.mul(y!.mul(constant(1).sub(y!)))],
  abs: (dy, { inputs: [x] }) => [dy.mul(x!.sign())],
  clip: (dy, y) => [dy.mul(equals(y.inputs[0]!, y))],
  gate: (dy, { inputs: [x, s] }) => [dy.gate(s!), dy.mul(x!)],
  biasAdd: (dy) => [dy, sumTo(dy, [dy.shape.at(-1)!])],
  softmax: (dy, y) => [y.mul(dy.sub(y.mul(dy).sum(y.shape.length - 1)))],
  sum: (dy) => [dy],
  max: (dy, y) => {
    const largest = equals(y.inputs[0]!, y);
    return [largest.mul(dy.div(largest.sum(...y.attrs.axes)))];
  },
  expand: (dy) => [dy],
  reshape: (dy, { inputs: [x] }) => [dy.reshape(...x!.shape)],
  transpose: (dy, { attrs: { perm } }) => [dy.transpose(...perm.map((_, i) => perm.indexOf(i)))],
  concat: (dy, { inputs, attrs: { axis } }) => {
    const start = (i: number): number => inputs.slice(0, i).reduce((n, { shape }) => n + shape[axis]!, 0);
    return inputs.map(({ shape }, i) => dy.slice(axis, start(i), shape[axis]!));
  },
  slice: (dy, { inputs: [x], attrs: { axis, start, length } }) => {
    const zeros = (n: number): Tensor[] => (n === 0 ? [] : [constant(0).expand(...x!.shape.with(axis, n))]);
    return [concat([...zeros(start), dy, ...zeros(x!.shape[axis]! - start - length)], axis)];
  },
  matmul: (dy, { inputs: [a, b], attrs: { transposeA, transposeB } }) => [
    transposeA ? b!.matmul(dy, { transposeA: transposeB, transposeB: true }) : dy.matmul(b!, { transposeB: !transposeB }),
    transposeB ? dy.matmul(a!, { transposeA: true, transposeB: transposeA }) : a!.matmul(dy, { transposeA: !transposeA }),
  ],
  conv2d: (dy, { inputs: [x, kernel], attrs }) => [
    inputGrad(dy, kernel!, { ...attrs, shape: x!.shape }),
    kernelGrad(x!, dy, { ...attrs, shape: kernel!.shape }),
  ],
  conv2dInputGrad: (dx, { inputs: [dy, kernel], attrs }) => [dx.conv2d(kernel!, attrs), kernelGrad(dx, dy!, { ...attrs, shape: kernel!.shape })],
  conv2dKernelGrad: (dk, { inputs: [x, dy], attrs }) => [inputGrad(dy!, dk, { ...attrs, shape: x!.shape }), x!.conv2d(dk, attrs)],
  depthwiseConv2d: (dy, { inputs: [x, kernel], attrs: { padding } }) => [
    new Tensor("depthwiseConv2dInputGrad", [dy, kernel!], { padding, shape: x!.shape }),
    new Tensor("depthwiseConv2dKernelGrad", [x!, dy], { padding, shape: kernel!.shape }),
  ],
  depthwiseConv2dInputGrad: (dx, { inputs: [dy, kernel], attrs: { padding } }) => [
    dx.depthwiseConv2d(kernel!, padding),
    new Tensor("depthwiseConv2dKernelGrad", [dx, dy!], { padding, shape: kernel!.shape }),
  ],
  depthwiseConv2dKernelGrad: (dk, { inputs: [x, dy], attrs: { padding } }) => [
    new Tensor("depthwiseConv2dInputGrad", [dy!, dk], { padding, shape: x!.shape }),
    x!.depthwiseConv2d(dk, padding),
  ],
};

const inputGrad = (dy: Tensor, kernel: Tensor, attrs: Ops["conv2dInputGrad"]): Tensor => new Tensor("conv2dInputGrad", [dy, kernel], attrs);
const kernelGrad = (x: Tensor, dy: Tensor, attrs: Ops["conv2dKernelGrad"]): Tensor => new Tensor("conv2dKernelGrad", [x, dy], attrs);

/** 1 where `x` equals `y`, else 0. */
function equals(x: Tensor, y: Tensor): Tensor {
  const sign = x.sub(y).sign();
  return constant(1).sub(sign.mul(sign));
}

/** d`loss`/dx for each x of `xs`, by reverse accumulation; `loss` has shape []. Zeros where `loss` does not depend on x. */
export function gradients(loss: Tensor, xs: readonly Tensor[]): Tensor[] {
  if (loss.shape.length > 0) throw new RangeError(`Cannot take gradients of [${loss.shape}], since a loss has the shape []`);
  const order = sort([loss]);
  const needed = new Set<Tensor>(xs);
  for (const y of order) if (y.inputs.some((x) => needed.has(x))) needed.add(y);
  const parts = new Map<Tensor, Tensor[]>([[loss, [constant(1)]]]);
  const done = new Map<Tensor, Tensor>();
  for (const y of order.reverse()) {
    const contributions = parts.get(y);
    if (!contributions || !needed.has(y)) continue;
    const dy = accumulated(contributions, y.shape);
    done.set(y, dy);
    const dxs = (rules[y.op] as (dy: Tensor, y: Tensor) => readonly (Tensor | undefined)[])(dy, y);
    for (const [i, x] of y.inputs.entries()) {
      if (dxs[i] && needed.has(x)) parts.set(x, [...(parts.get(x) ?? []), sumTo(dxs[i], x.shape)]);
    }
  }
  return xs.map((x) => done.get(x) ?? constant(0).expand(...x.shape));
}

/** The sum of contributions to a gradient; those that are alike along an axis are spread by the addition itself. */
function accumulated(contributions: readonly Tensor[], shape: Shape): Tensor {
  const [narrow, full] = [contributions.filter((x) => size(x.shape) < size(shape)), contributions.filter((x) => size(x.shape) === size(shape))];
  if (full.length === 0) return narrow.reduce((a, b) => a.add(b)).expand(...shape);
  return narrow.reduce((sum, x) => sum.add(x), total(full));
}

/** Undoes broadcasting: sums `x` over the axes along which `shape` was stretched. */
function sumTo(x: Tensor, shape: Shape): Tensor {
  const lead = x.shape.length - shape.length;
  const axes = x.shape.flatMap((n, i) => (i < lead || (shape[i - lead] === 1 && n > 1) ? [i] : []));
  return axes.length > 0 ? x.sum(...axes).reshape(...shape) : x;
}
