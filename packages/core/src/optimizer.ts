import { constant, type Tensor, variable } from "./tensor.ts";

/** AdamW (Loshchilov and Hutter 2019) as PyTorch computes it. */
export interface AdamW {
  readonly lr: number;
  readonly weightDecay: number;
  readonly beta1?: number;
  readonly beta2?: number;
  readonly eps?: number;
}

type AdamWScalar = "rate" | "unbias" | "decay";

/** The scalars of step n = 1, 2, … that enter the graph, from float64 arithmetic: lr/(1-β1ⁿ), 1/√(1-β2ⁿ) and 1 - lr·λ. */
export const adamwScalars = ({ lr, weightDecay, beta1 = 0.9, beta2 = 0.999 }: AdamW, n: number): Record<AdamWScalar, number> => ({
  rate: lr / (1 - beta1 ** n),
  unbias: 1 / Math.sqrt(1 - beta2 ** n),
  decay: 1 - lr * weightDecay,
});

/**
 * New values of parameters x and of their moments, which are the variables `m` and `v` of the same shape; scalars as tensors.
 * Moments move towards the gradient rather than being scaled first, so that a device need not compute on them before it has the gradient, and hold the result.
 * `apply` is how much of their way they move; at 0, with rate 0 and decay 1, all stays as it is.
 */
export function adamw(
  x: Tensor,
  gradient: Tensor,
  { rate, unbias, decay }: Readonly<Record<AdamWScalar, Tensor>>,
  apply: Tensor,
  { beta1 = 0.9, beta2 = 0.999, eps = 1e-8 }: Partial<AdamW> = {},
): { x: Tensor; m: Tensor; v: Tensor } {
  const m = lerp(variable("m", x.shape), gradient, apply.mul(1 - beta1));
  const v = lerp(variable("v", x.shape), gradient.mul(gradient), apply.mul(1 - beta2));
  const update = m.mul(rate).div(v.sqrt().mul(unbias).add(eps));
  return { x: x.mul(decay).sub(update), m, v };
}

/** Decay of the moving average at step n = 1, 2, …: ramped so that the average forgets the first, untrained weights soon. */
export const emaDecay = (decay: number, n: number): number => Math.min(decay, (1 + n) / (10 + n));

/** New value of the exponential moving average of x, which is the variable `name`. */
export const ema = (x: Tensor, decay: Tensor, name = "ema"): Tensor => lerp(variable(name, x.shape), x, constant(1).sub(decay));

const lerp = (a: Tensor, b: Tensor, weight: Tensor): Tensor => a.add(b.sub(a).mul(weight));
