/** What training does with a loss: gradient, clipping, AdamW and moving averages, on all parameters as one vector. */
import type { Step } from "./backend.ts";
import type { Config } from "./config.ts";
import { gradients } from "./gradient.ts";
import { lrAt } from "./learning-rate.ts";
import { adamw, adamwScalars, ema, emaDecay } from "./optimizer.ts";
import type { Scope } from "./scope.ts";
import { size } from "./shape.ts";
import { constant, input, type Tensor, variable } from "./tensor.ts";
import { alone, Reduction } from "./workers.ts";

/** The decay of each average of the weights by the name of its variable; one draws with `ema`. */
export const averages = (config: Config): ReadonlyMap<string, number> =>
  new Map([["ema", config["train.emaDecay"]], ...config["train.emaAlso"].map((decay) => [`ema-${decay}`, decay] as const)]);

/**
 * The updates of parameters, moments and averages, fed by `updateFeeds`; the output `gradientNorm` is the norm before clipping. Where that or the loss
 * is not finite, `gradientNorm` is not either, and all stays as it was. Where a step is done in several runs, the variable `g` holds the sum of their
 * gradients so far, and all else stays as it is until the last. Workers add up their losses by a `reduction` of the gradients.
 */
export function update(scope: Scope, loss: Tensor, config: Config, reduction: Reduction = new Reduction(alone)): Required<Step> {
  const parameters = [...scope.parameters.values()].map(({ tensor }) => tensor);
  const own = reduction.pack(gradients(loss.mul(infiniteUnlessFinite(loss)), parameters).map((x) => x.reshape(size(x.shape))));
  const several = config["train.accumulate"] > 1;
  const g = several ? own.add(variable("g", own.shape).gate(input("keep", []))) : own;
  const gradientNorm = g.mul(g).sum(0).sqrt().reshape();
  const sound = gradientNorm.finite();
  const gradient = g.gate(scale(gradientNorm, config["train.clip"]).gate(sound));
  const unless = (value: Tensor): Tensor => value.mul(sound).add(constant(1).sub(sound)); // 1, which is no decay, where the step is not sound
  const scalars = { rate: input("rate", []).mul(sound), unbias: input("unbias", []), decay: unless(input("decay", [])) };
  const { x, m, v } = adamw(scope.pack(parameters), gradient, scalars, several ? input("apply", []).mul(sound) : sound);
  const averaged = [...averages(config).keys()].map((name) => [name, ema(x, unless(input(`${name}Decay`, [])), name)] as const);
  return { outputs: { gradientNorm }, updates: { ...scope.unpack(x), m, v, ...(several && { g }), ...Object.fromEntries(averaged) } };
}

/** 1 where the loss is finite, else infinite, and so is then the gradient of their product. */
const infiniteUnlessFinite = (loss: Tensor): Tensor => constant(1).div(loss.finite()).stop();

/** What scales a gradient down to the norm `most` (Pascanu et al. 2013) as PyTorch's clip_grad_norm_ does; 0 leaves it as it is. */
const scale = (norm: Tensor, most: number): Tensor => (most === 0 ? constant(1) : constant(most).div(norm.add(1e-6)).clip(0, 1));

/** The scalars that `update` is fed in run 0, 1, … of step n = 1, 2, …; there are `train.accumulate` runs, and only the last changes the weights. */
export function updateFeeds(config: Config, n: number, run: number): Record<string, Float64Array> {
  const last = run === config["train.accumulate"] - 1;
  const adam = adamwScalars({ lr: lrAt(config, n), weightDecay: config["train.weightDecay"] }, n);
  const decays = [...averages(config)].map(([name, decay]) => [`${name}Decay`, last ? emaDecay(decay, n) : 1]);
  const values: Record<string, number> = {
    ...adam,
    ...(!last && { rate: 0, decay: 1 }),
    apply: last ? 1 : 0,
    keep: run === 0 ? 0 : 1,
    ...Object.fromEntries(decays),
  };
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, Float64Array.of(value)]));
}
