import type { Tensor, Tensor4D } from "@tensorflow/tfjs";
import type { Tf, Weights } from "./weights.ts";

type Conv = { readonly kernel?: number; readonly stride?: number; readonly bias?: boolean };

export const channelsOf = (x: Tensor4D): number => x.shape[3];

export type Layers = ReturnType<typeof layers>;

/** The layers of the U-Net by their PyTorch names, in NHWC. */
export function layers(tf: Tf, weights: Weights) {
  const conv = (x: Tensor4D, name: string, out: number, { kernel = 1, stride = 1, bias = true }: Conv = {}) => {
    const fanIn = channelsOf(x) * kernel * kernel;
    const filter = weights.uniform<Tensor4D>(`${name}.weight`, [kernel, kernel, channelsOf(x), out], fanIn);
    const y = tf.conv2d(x, filter, stride, "same");
    return bias ? y.add<Tensor4D>(weights.uniform(`${name}.bias`, [out], fanIn)) : y;
  };

  const depthwise = (x: Tensor4D, name: string) => {
    const c = channelsOf(x);
    const filter = weights.uniform<Tensor4D>(`${name}.weight`, [7, 7, c, 1], 49);
    return tf.depthwiseConv2d(x, filter, 1, "same").add<Tensor4D>(weights.uniform(`${name}.bias`, [c], 49));
  };

  const upsample = (x: Tensor4D, name: string) => {
    const [b, h, w, c] = x.shape;
    const filter = weights.uniform<Tensor4D>(`${name}.weight`, [4, 4, c, c], c * 16);
    const y = tf.conv2dTranspose(x, filter, [b, h * 2, w * 2, c], 2, "same");
    return y.add<Tensor4D>(weights.uniform(`${name}.bias`, [c], c * 16));
  };

  const linear = (x: Tensor, name: string, out: number) => {
    const fanIn = x.shape[1] as number;
    const weight = weights.uniform(`${name}.weight`, [fanIn, out], fanIn);
    return tf.matMul(x, weight).add(weights.uniform(`${name}.bias`, [out], fanIn));
  };

  const groupNorm = (x: Tensor4D, name: string, groups = 1) => {
    const [b, h, w, c] = x.shape;
    const grouped = x.reshape([b, h * w, groups, c / groups]);
    const { mean, variance } = tf.moments(grouped, [1, 3], true);
    const normal = grouped.sub(mean).div(variance.add(1e-5).sqrt()).reshape<Tensor4D>(x.shape);
    const scale = weights.ask(`${name}.weight`, [c], () => tf.ones([c]));
    return normal.mul(scale).add<Tensor4D>(weights.ask(`${name}.bias`, [c], () => tf.zeros([c])));
  };

  const silu = <T extends Tensor>(x: T) => x.mul<T>(x.sigmoid());
  const gelu = <T extends Tensor>(x: T) => x.mul<T>(x.div(Math.SQRT2).erf().add(1).mul(0.5));

  return { conv, depthwise, upsample, linear, groupNorm, silu, gelu };
}
