import { constant, type Tensor, variable } from "./tensor.ts";

/** AdamW (Loshchilov and Hutter 2019) as PyTorch computes it. */
export interface AdamW {
  readonly lr: number;
  readonly weightDecay: number;
  readonly beta1?: number;
  readonly beta2?: number;
  readonly eps?: number;
}

/** The scalars of step n = 1, 2, … that enter the graph, from float64 arithmetic: lr/(1-β1ⁿ), 1/√(1-β2ⁿ) and 1 - lr·λ. */
export const adamwScalars = ({ lr, weightDecay, beta1 = 0.9, beta2 = 0.999 }: AdamW, n: number) => ({
  rate: lr / (1 - beta1 ** n),
  unbias: 1 / Math.sqrt(1 - beta2 ** n),
  decay: 1 - lr * weightDecay,
});

/** New values of a parameter and of its moments `m/…` and `v/…`; scalars as tensors. */
export function adamw(
  name: string,
  parameter: Tensor,
  gradient: Tensor,
  { rate, unbias, decay }: Readonly<Record<keyof ReturnType<typeof adamwScalars>, Tensor>>,
  { beta1 = 0.9, beta2 = 0.999, eps = 1e-8 }: Partial<AdamW> = {},
): Record<string, Tensor> {
  const m = variable(`m/${name}`, parameter.shape);
  const v = variable(`v/${name}`, parameter.shape);
  const m1 = m.mul(beta1).add(gradient.mul(1 - beta1));
  const v1 = v.mul(beta2).add(gradient.mul(gradient).mul(1 - beta2));
  const update = m1.mul(rate).div(v1.sqrt().mul(unbias).add(eps));
  return { [name]: parameter.mul(decay).sub(update), [`m/${name}`]: m1, [`v/${name}`]: v1 };
}

/** Decay of the moving average at step n = 1, 2, …: ramped so that the average forgets the first, untrained weights soon. */
export const emaDecay = (decay: number, n: number): number => Math.min(decay, (1 + n) / (10 + n));

/** New value of the exponential moving average `ema/…` of a parameter. */
export function ema(name: string, parameter: Tensor, decay: Tensor): Record<string, Tensor> {
  const average = variable(`ema/${name}`, parameter.shape);
  return { [`ema/${name}`]: average.mul(decay).add(parameter.mul(constant(1).sub(decay))) };
}
