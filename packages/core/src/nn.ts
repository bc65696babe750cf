import type { Scope } from "./scope.ts";
import { size } from "./shape.ts";
import { array, composite, concat, constant, randomUniform, Tensor } from "./tensor.ts";

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

/** Halves height and width: a 3×3 convolution of stride 2, with a pixel of zeros on all sides or at the end alone, as TensorFlow's SAME pads even sizes. */
export function downsample3(p: Scope, x: Tensor, channels: number, { padding }: { readonly padding: 0 | 1 }): Tensor {
  if (padding === 1) return conv(p, x, channels, 3, { stride: 2 });
  const c = x.shape.at(-1)!;
  const weight = p.param("weight", [3, 3, c, channels], { fanIn: 9 * c });
  // The same product with zeros on all sides is that of a 4×4 kernel whose first row and column are zeros
  const column = concat([constant(0).expand(3, 1, c, channels), weight], 1);
  const kernel = concat([constant(0).expand(1, 4, c, channels), column], 0);
  return x.conv2d(kernel, { stride: 2, padding: 1 }).biasAdd(p.param("bias", [channels], { fanIn: 9 * c }));
}

/** Halves height and width: the pixels of each 2×2 as channels (c p1 p2), then a 1×1 convolution; together a 2×2 convolution of stride 2. */
export function unshuffle(p: Scope, x: Tensor, channels: number): Tensor {
  const c = x.shape.at(-1)!;
  const weight = p.param("weight", [1, 1, 4 * c, channels], { fanIn: 4 * c });
  const kernel = weight.reshape(c, 2, 2, channels).transpose(1, 2, 0, 3);
  return x.conv2d(kernel, { stride: 2 }).biasAdd(p.param("bias", [channels], { fanIn: 4 * c }));
}

/** Which taps of a 3-wide kernel meet the same pixel where each pixel is there twice: as a kernel of 4 of a transposed convolution of stride 2. */
const doubled = [
  [0, 0, 1],
  [0, 1, 1],
  [1, 1, 0],
  [1, 0, 0],
];

/**
 * Doubles height and width: each pixel as 2×2 (nearest neighbour), then a 3×3 convolution; together a transposed 4×4 convolution of stride 2, which never
 * makes the larger image and needs less than half of the products.
 */
export function upsampleNearest(p: Scope, x: Tensor, channels: number): Tensor {
  const [b, h, w, c] = x.shape as [number, number, number, number];
  const weight = p.param("weight", [3, 3, c, channels], { fanIn: 9 * c });
  const sums = array(
    doubled.flatMap((row) => doubled.flatMap((column) => row.flatMap((y) => column.map((x) => y * x)))),
    16,
    9,
  );
  const kernel = sums
    .matmul(weight.reshape(9, c * channels))
    .reshape(4, 4, c, channels)
    .transpose(0, 1, 3, 2);
  const y = new Tensor("conv2dInputGrad", [x, kernel], { stride: 2, padding: 1, shape: [b, 2 * h, 2 * w, channels] });
  return y.biasAdd(p.param("bias", [channels], { fanIn: 9 * c }));
}

/**
 * A 3×3 convolution whose weights are standardised (Qiao et al. 2019): each filter with its mean taken off and divided by its standard deviation, eps 1e-5.
 */
export function standardisedConv(p: Scope, x: Tensor, channels: number): Tensor {
  const fanIn = 9 * x.shape.at(-1)!;
  const weight = p.param("weight", [3, 3, x.shape.at(-1)!, channels], { fanIn });
  const centred = weight.sub(weight.mean(0, 1, 2));
  const standard = centred.mul(centred.mul(centred).mean(0, 1, 2).add(1e-5).rsqrt());
  return x.conv2d(standard, { padding: 1 }).biasAdd(p.param("bias", [channels], { fanIn }));
}

/**
 * Group normalisation (Wu and He 2018): γ·(x - μ)/√(σ² + eps) + β with μ and σ² over the pixels and channels of each group of a sample.
 * Its gradient is in closed form: with s = √(σ² + eps), x̂ = (x - μ)/s and d = γ·dy, dx = (d - mean d - x̂ · mean(d·x̂))/s.
 */
export function groupNorm(p: Scope, image: Tensor, groups = 1, eps = 1e-5): Tensor {
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
  const r = meanOf(centred.mul(centred)).add(eps).rsqrt();
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
  return composite(y, [image, gamma, beta], { name: "groupNorm", groups, eps, gradient });
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
