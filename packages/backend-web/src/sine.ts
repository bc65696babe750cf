import type * as tfjs from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";

/** π in three parts, the first two exact in 9 and 11 bits, so that their products with small integers are exact in float32. */
const pi = [3.140625, 9.670257568359375e-4, 6.2771141529083252e-7] as const;

/** Coefficients of r³, r⁵ … in sin r = r - r³/3! + r⁵/5! - …; to the eleventh power the rest is below 6e-8 up to r = π/2. */
const taylor = [-1 / 6, 1 / 120, -1 / 5040, 1 / 362880, -1 / 39916800];

/** sin x to float32 precision: GLSL's own may be off by 2⁻¹¹, and by more where x is large, as the time embedding's is. */
export const sine = (tf: typeof tfjs, [x]: Tensor[]): Tensor => alternating(tf, x!, 0, 1);

/** cos x, likewise. */
export const cosine = (tf: typeof tfjs, [x]: Tensor[]): Tensor => alternating(tf, x!, 0.5, -1);

/** sign · (-1)ᵐ · sin(x - nπ) with n = m + shift, the nearest to x / π. */
function alternating(tf: typeof tfjs, x: Tensor, shift: number, sign: number): Tensor {
  const m = tf.round(tf.sub(tf.mul(x, 1 / Math.PI), shift));
  const n = tf.add(m, shift);
  const r = pi.reduce((rest: Tensor, part) => tf.sub(rest, tf.mul(n, part)), x);
  const odd = tf.sub(m, tf.mul(tf.floor(tf.mul(m, 0.5)), 2));
  const square = tf.mul(r, r);
  const series = taylor.reduceRight((sum: Tensor, coefficient) => tf.mul(tf.add(sum, coefficient), square), tf.scalar(0));
  return tf.mul(tf.mul(r, tf.add(series, 1)), tf.mul(tf.add(tf.mul(odd, -2), 1), sign));
}
