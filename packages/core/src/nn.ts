import type { Scope } from "./scope.ts";
import { composite, randomUniform, size, Tensor } from "./tensor.ts";

/** x · sigmoid(x). */
export function silu(x: Tensor): Tensor {
  const s = x.sigmoid();
  return composite(x.mul(s), [x], { name: "silu", gradient: (dy) => [dy.mul(new Tensor("sigmoidGrad", [s, x], {}).add(s))] });
}

/** x · Φ(x), exact. */
export const gelu = (x: Tensor): Tensor => composite(x.mul(x.mul(Math.SQRT1_2).erf().add(1)).mul(0.5), [x], { name: "gelu" });

/** x · W + b over the last axis. */
export function linear(p: Scope, x: Tensor, channels: number): Tensor {
  const fanIn = x.shape.at(-1)!;
  return x.matmul(p.param("weight", [fanIn, channels], { fanIn })).biasAdd(p.param("bias", [channels], { fanIn }));
}

/** A square convolution with bias; keeps the size at stride 1 with the default padding. */
export function conv(p: Scope, x: Tensor, channels: number, kernel: number, { stride = 1, padding = (kernel - 1) >> 1 } = {}): Tensor {
  const fanIn = kernel * kernel * x.shape.at(-1)!;
  const weight = p.param("weight", [kernel, kernel, x.shape.at(-1)!, channels], { fanIn });
  const y = kernel === 1 ? pointwise(x, weight.reshape(fanIn, channels)) : x.conv2d(weight, { stride, padding });
  return y.biasAdd(p.param("bias", [channels], { fanIn }));
}

/** A 1×1 convolution without bias: a matrix product over channels. */
export function pointwise(x: Tensor, weight: Tensor): Tensor {
  const [b, h, w, c] = x.shape as [number, number, number, number];
  const outputs = weight.shape[1]!;
  const y = x
    .reshape(b * h * w, c)
    .matmul(weight)
    .reshape(b, h, w, outputs);
  const name = "pointwise";
  if (h * w < 100) return composite(y, [x, weight], { name });
  // One product an image and then a sum is faster than one product whose inner side is the whole batch's pixels
  const gradient = (dy: Tensor): Tensor[] => [
    dy
      .reshape(b * h * w, outputs)
      .matmul(weight, { transposeB: true })
      .reshape(b, h, w, c),
    x
      .reshape(b, h * w, c)
      .matmul(dy.reshape(b, h * w, outputs), { transposeA: true })
      .sum(0)
      .reshape(c, outputs),
  ];
  return composite(y, [x, weight], { name, gradient });
}

/** One 7×7 filter a channel, with bias. */
export function depthwiseConv(p: Scope, x: Tensor): Tensor {
  const channels = x.shape.at(-1)!;
  const weight = p.param("weight", [7, 7, 1, channels], { fanIn: 49 });
  return x.depthwiseConv2d(weight.reshape(7, 7, channels, 1), 3).biasAdd(p.param("bias", [channels], { fanIn: 49 }));
}

/** Halves height and width: a 4×4 convolution of stride 2. */
export const downsample = (p: Scope, x: Tensor, channels: number): Tensor => conv(p, x, channels, 4, { stride: 2, padding: 1 });

/** Doubles height and width: a transposed 4×4 convolution of stride 2. */
export function upsample(p: Scope, x: Tensor, channels: number): Tensor {
  const [b, h, w, c] = x.shape as [number, number, number, number];
  const fanIn = 16 * channels;
  const weight = p.param("weight", [4, 4, channels, c], { fanIn });
  const y = new Tensor("conv2dInputGrad", [x, weight], { stride: 2, padding: 1, shape: [b, 2 * h, 2 * w, channels] });
  return y.biasAdd(p.param("bias", [channels], { fanIn }));
}

/**
 * Group normalisation (Wu and He 2018), eps 1e-5: γ·(x - μ)/σ + β with μ and σ over the pixels and channels of each group of a sample.
 * Its gradient is in closed form: with x̂ = (x - μ)/σ and d = γ·dy, dx = (d - mean d - x̂ · mean(d·x̂))/σ.
 */
export function groupNorm(p: Scope, image: Tensor, groups = 1): Tensor {
  const c = image.shape.at(-1)!;
  const n = image.shape[0]!;
  const pixels = size(image.shape) / n / c;
  const gamma = p.param("weight", [c], { fill: 1 });
  const beta = p.param("bias", [c], { fill: 0 });
  const x = image.reshape(n, pixels, c);
  // Statistics are [n, 1, groups]; a group's value is spread to its channels as [n, 1, c], one group by plain broadcasting
  const meanOfGroups = (sums: Tensor): Tensor =>
    sums
      .reshape(n, groups, c / groups)
      .sum(2)
      .mul(groups / (pixels * c));
  const spread = (s: Tensor): Tensor => (groups === 1 ? s : s.expand(n, groups, c / groups).reshape(n, 1, c));
  const meanOf = (x: Tensor): Tensor =>
    groups === 1
      ? x
          .reshape(n, pixels * c)
          .mean(1)
          .reshape(n, 1, 1)
      : meanOfGroups(x.sum(1));
  const centred = x.sub(spread(meanOf(x)));
  const r = meanOf(centred.mul(centred)).add(1e-5).rsqrt();
  const scale = spread(r).mul(gamma);
  const y = centred
    .mul(scale)
    .add(beta)
    .reshape(...image.shape);
  const gradient = (dImage: Tensor): Tensor[] => {
    const dy = dImage.reshape(n, pixels, c);
    const dBeta = dy.sum(1); // [n, 1, c]
    const dGamma = dy.mul(centred).sum(1).mul(spread(r));
    const pull = r.mul(r).mul(meanOfGroups(gamma.mul(dGamma)));
    const shift = r.mul(meanOfGroups(gamma.mul(dBeta)));
    const dx = dy.mul(scale).sub(centred.mul(spread(pull)).add(spread(shift)));
    return [dx.reshape(...image.shape), dGamma.sum(0).reshape(c), dBeta.sum(0).reshape(c)];
  };
  return composite(y, [image, gamma, beta], { name: "groupNorm", groups, gradient });
}

/** Zeroes some of the numbers of [b, …] in training; the scope tells its uses apart. */
export type Dropout = (p: Scope, x: Tensor) => Tensor;

/**
 * Dropout (Srivastava et al. 2014): each number of [b, …] becomes 0 with probability `rate`, else is divided by 1 - rate.
 * Which ones is a function of `numbers`, a stream that is fed as int32 [6] and whose offset counts images, of the image and of the scope's path.
 */
export function dropout(p: Scope, x: Tensor, rate: number, numbers: Tensor): Tensor {
  const [b, ...image] = x.shape as [number, ...number[]];
  const n = size(image);
  const u = randomUniform(numbers, [b, Math.ceil(n / 4) * 4], p.id);
  const kept = (u.shape[1] === n ? u : u.slice(1, 0, n)).sub(rate).sign().clip(0, 1);
  return x.mul(kept.mul(1 / (1 - rate)).reshape(...x.shape));
}
