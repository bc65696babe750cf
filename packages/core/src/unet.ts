import { attention, linearAttention } from "./attention.ts";
import { conv, type Dropout, depthwiseConv, downsample, gelu, groupNorm, linear, silu, upsample } from "./nn.ts";
import type { Scope } from "./scope.ts";
import { array, concat, type Tensor } from "./tensor.ts";

/** What a U-Net is like. */
export interface UNet {
  /** Width of the first level and of the time embedding; even, at least 4. */
  readonly dim: number;
  /** Width of each level as a multiple of `dim`. */
  readonly dimMults: readonly number[];
  readonly block: "resnet" | "convnext";
  /** Groups of the ResNet blocks' normalisations. */
  readonly groups: number;
  /** In training: before the second convolution of each block, as in Ho et al. 2020. */
  readonly dropout?: Dropout;
  /** Channels of the prediction; those of x unless told. */
  readonly outputs?: number;
}

/** A block maps [b, h, w, c] and the time embedding, if any, to [b, h, w, channels]. */
type Block = (p: Scope, x: Tensor, time: Tensor | undefined, channels: number) => Tensor;
type BlockOptions = Required<Pick<UNet, "groups" | "dropout">>;

/** (3×3 convolution → GroupNorm → SiLU) twice, with the time added between, and a residual. */
function resnetBlock(p: Scope, x: Tensor, time: Tensor | undefined, channels: number, { groups, dropout }: BlockOptions): Tensor {
  const half = (p: Scope, x: Tensor): Tensor => silu(groupNorm(p.at("norm"), conv(p.at("proj"), x, channels, 3), groups));
  let h = half(p.at("block1"), x);
  if (time) h = h.add(linear(p.at("mlp.1"), silu(time), channels).reshape(time.shape[0]!, 1, 1, channels));
  h = half(p.at("block2"), dropout(p, h));
  return h.add(residual(p, x, channels));
}

/** ConvNeXt (Liu et al. 2022): 7×7 depthwise convolution, time, norm, 3×3 to twice the width, GELU, norm, 3×3 back, and a residual. */
function convnextBlock(p: Scope, x: Tensor, time: Tensor | undefined, channels: number, { dropout }: BlockOptions): Tensor {
  const c = x.shape.at(-1)!;
  let h = depthwiseConv(p.at("ds_conv"), x);
  if (time) h = h.add(linear(p.at("mlp.1"), gelu(time), c).reshape(time.shape[0]!, 1, 1, c));
  h = conv(p.at("net.1"), groupNorm(p.at("net.0"), h), 2 * channels, 3);
  h = conv(p.at("net.4"), dropout(p, groupNorm(p.at("net.3"), gelu(h))), channels, 3);
  return h.add(residual(p, x, channels));
}

const residual = (p: Scope, x: Tensor, channels: number): Tensor => (x.shape.at(-1) === channels ? x : conv(p.at("res_conv"), x, channels, 1));

/**
 * Sinusoids of t (Vaswani et al. 2017), [b] to [b, dim]: sines before cosines unless flipped. With `freqShift` 1 the lowest frequency is 1e-4, with 0
 * one step of them above.
 */
export function timeEmbedding(t: Tensor, dim: number, { freqShift = 1, flipSinToCos = false } = {}): Tensor {
  const half = dim / 2;
  const frequencies = Array.from({ length: half }, (_, i) => Math.exp((-Math.log(1e4) * i) / (half - freqShift)));
  const angles = t
    .cast()
    .reshape(t.shape[0]!, 1)
    .mul(array(frequencies, 1, half));
  const parts = [angles.sin(), angles.cos()];
  return concat(flipSinToCos ? parts.reverse() : parts, 1);
}

/** A vector [dim] for each class: rows [b, K + 1] (see classes.ts) to [b, dim]. PyTorch's own embeddings are `transposed` in our layout. */
export function classEmbedding(p: Scope, classes: Tensor, dim: number, { transposed = false } = {}): Tensor {
  const shape = [classes.shape[1]!, dim];
  const weight = p.param("weight", transposed ? shape.reverse() : shape, { fanIn: 1 }); // a row has a single 1
  return classes.matmul(weight, { transposeB: transposed });
}

/**
 * Predicts from x_t [b, h, w, c] and t (int32), [b] or [1] for all, what the objective asks for, [b, h, w, outputs]: the U-Net of Ho et al. 2020.
 * With `classes` [b, K + 1] (see classes.ts) an embedding of the class is added to that of the time.
 */
export function unet(
  p: Scope,
  x: Tensor,
  t: Tensor,
  { dim, dimMults, block: kind, groups, dropout = (_, x) => x, outputs = x.shape.at(-1)! }: UNet,
  classes?: Tensor,
): Tensor {
  const widths = dimMults.map((m) => m * dim);
  const deepest = widths.at(-1)!;
  const written = kind === "resnet" ? resnetBlock : convnextBlock;
  const block: Block = (p, x, time, channels) => written(p, x, time, channels, { groups, dropout });
  const hidden = gelu(linear(p.at("time_mlp.1"), timeEmbedding(t, dim), 4 * dim));
  const embedding = linear(p.at("time_mlp.3"), hidden, 4 * dim);
  const time = classes ? embedding.add(classEmbedding(p.at("class_emb"), classes, 4 * dim)) : embedding;
  const level = (p: Scope, x: Tensor, channels: number): Tensor =>
    linearAttention(p.at(2), block(p.at(1), block(p.at(0), x, time, channels), time, channels));

  let h = conv(p.at("init_conv"), x, Math.floor(dim / 3) * 2, 7);
  const skips: Tensor[] = [];
  for (const [i, width] of widths.entries()) {
    h = level(p.at("downs", i), h, width);
    skips.push(h);
    if (i < widths.length - 1) h = downsample(p.at("downs", i, 3), h, width);
  }
  h = block(p.at("mid_block1"), h, time, deepest);
  h = attention(p.at("mid_attn"), h);
  h = block(p.at("mid_block2"), h, time, deepest);
  for (const [i, width] of widths.slice(0, -1).reverse().entries()) {
    h = level(p.at("ups", i), concat([h, skips.pop()!], 3), width);
    h = upsample(p.at("ups", i, 3), h, width);
  }
  h = block(p.at("final_conv.0"), h, undefined, dim);
  return conv(p.at("final_conv.1"), h, outputs, 1);
}
