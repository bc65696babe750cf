/** Cold diffusion (Bansal et al. 2022): all that differs from a denoising model is what the network is fed, what it is asked for, and the step back. */
import { type Batch, type Config, imageShape, type Numbers, type Step, type TrainingStep, trainingFeeds } from "@ddpm/core";
import { input } from "@ddpm/core/graph";
import { model, Scope } from "@ddpm/core/model";
import { averages, pLosses, update } from "@ddpm/core/training";
import type { Degradation } from "./degradations.ts";

/** Where the network R restores x0 from x_t, for `batch` images with a t of their own, or one for all where `shared`. */
const restored = (scope: Scope, config: Config, batch: number, timesteps = batch) =>
  model(scope, input("xt", imageShape(config, batch)), input("t", [timesteps], "int32"), config);

/** Eq. 1: the step that minimises ‖R(D(x0, t), t) - x0‖₁. Fed by `coldFeeds`; its output is `loss`. */
export function coldStep(config: Config): TrainingStep {
  const batch = config["train.batch"];
  const scope = new Scope();
  const x0 = input("images", imageShape(config, batch));
  const loss = pLosses("l1", x0, restored(scope, config, batch), input("weights", [batch, 1, 1, 1]));
  const { outputs, updates } = update(scope, loss, config);
  return { step: { outputs: { loss, ...outputs }, updates }, scope, averages: [...averages(config).keys()] };
}

/** Seeds from here on are for images that are not trained on. */
export const unseenSeed = 2 ** 31;

/** What step n = 1, 2, … is fed: core's feeds, and the batch at t from 1 to T. Every image has a seed that no other step's has. */
export function coldFeeds(config: Config, degradation: Degradation, batch: Batch, n: number): Record<string, Numbers> {
  const feeds = trainingFeeds(config, batch, n);
  const t = Int32Array.from(feeds["t"]!, (t) => t + 1);
  return { ...feeds, t, xt: degraded(degradation, batch.images, t, n * t.length) };
}

/** D(x0, t) of images [batch, height, width, channels] with a t each; image i has the seed `first` + i. */
export function degraded(degradation: Degradation, x0: Numbers, t: Int32Array, first = 0): Float32Array {
  const size = x0.length / t.length;
  const xt = new Float32Array(x0.length);
  for (const [i, ti] of t.entries()) xt.set(degradation(x0.subarray(i * size, (i + 1) * size), ti, first + i), i * size);
  return xt;
}

/** The network as a step without updates: fed with `xt` and one `t`, its output is `x0`. */
export const restoration = (config: Config, batch: number): Step => ({ outputs: { x0: restored(new Scope(), config, batch, 1) } });

/** From x_t to x_{t-1}, with `D(s)` the predicted x0 degraded to s. */
export const rules = {
  /** Algorithm 1: predict, and degrade again. */
  naive: (_x, D, t) => D(t - 1),
  /** Algorithm 2: change x by what the step changes in the prediction; what R got wrong alike at t and t - 1 cancels out. */
  improved: (x, D, t) => {
    const [now, next] = [D(t), D(t - 1)];
    return x.map((value, i) => value - now[i]! + next[i]!);
  },
} as const satisfies Record<string, (x: Float32Array, D: (s: number) => Float32Array, t: number) => Float32Array>;

export interface Restoring {
  readonly timesteps: number;
  readonly restore: (xt: Float32Array, t: number) => Promise<Numbers>;
  readonly degrade: (x0: Numbers, t: number) => Float32Array;
}

/** x_0 from x_T [batch, …], step by step. */
export async function sample(x: Float32Array, rule: keyof typeof rules, { timesteps, restore, degrade }: Restoring): Promise<Float32Array> {
  let xt = x;
  for (let t = timesteps; t >= 1; t--) {
    const x0 = await restore(xt, t);
    xt = rules[rule](xt, (s) => degrade(x0, s), t);
  }
  return xt;
}
