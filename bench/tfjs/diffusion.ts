import type { Scalar, Tensor1D, Tensor4D } from "@tensorflow/tfjs";
import type { Tf } from "./weights.ts";

export type Model = (x: Tensor4D, t: Tensor1D) => Tensor4D;

/** √alphaBar and √(1 − alphaBar) of the linear schedule (Ho et al. 2020, section 4). */
function linearSchedule(timesteps = 600, start = 1e-4, end = 0.02): { signal: number[]; noise: number[] } {
  let alphaBar = 1;
  const alphaBars = Array.from({ length: timesteps }, (_, t) => {
    alphaBar *= 1 - (start + ((end - start) * t) / (timesteps - 1));
    return alphaBar;
  });
  return { signal: alphaBars.map(Math.sqrt), noise: alphaBars.map((a) => Math.sqrt(1 - a)) };
}

/** The forward process, eq. 4, and the Huber loss between noise and prediction. */
export function diffusion(tf: Tf, schedule = linearSchedule()) {
  const signal = tf.tensor1d(schedule.signal);
  const noiseLevel = tf.tensor1d(schedule.noise);
  const at = (table: Tensor1D, t: Tensor1D) => tf.gather(table, t).reshape([-1, 1, 1, 1]);
  const qSample = (x0: Tensor4D, t: Tensor1D, noise: Tensor4D): Tensor4D => at(signal, t).mul(x0).add(at(noiseLevel, t).mul(noise));
  const loss = (model: Model, x0: Tensor4D, t: Tensor1D, noise: Tensor4D): Scalar =>
    tf.losses.huberLoss(noise, model(qSample(x0, t, noise), t)) as Scalar;
  return { qSample, loss };
}
