import { selfAttention } from "./attention.ts";
import { conv, type Dropout, downsample3, groupNorm, linear, silu, upsampleNearest } from "./nn.ts";
import type { Scope } from "./scope.ts";
import { Skips } from "./skips.ts";
import type { Tensor } from "./tensor.ts";
import { classEmbedding, timeEmbedding } from "./unet.ts";

/** What its U-Net is made of. */
export interface DdpmUNet {
  /** Width of the first level and of the time's sinusoids; even, at least 4. */
  readonly dim: number;
  /** Width of each level as a multiple of `dim`; the first is 1. */
  readonly dimMults: readonly number[];
  /** ResNet blocks of a level on the way down; one more on the way up. */
  readonly blocks: number;
  /** Levels with self-attention after each block, counted from 0; the middle always has it. */
  readonly attention: readonly number[];
  /** Channels of a head of self-attention; 0 is one head. */
  readonly headDim: number;
  /** Groups of all normalisations, and what is added to a variance there. */
  readonly groups: number;
  readonly normEps: number;
  /** Of the convolutions that halve a level: 1 pads all sides, 0 the end alone. */
  readonly downsamplePadding: 0 | 1;
  /** See `timeEmbedding`. */
  readonly freqShift: number;
  readonly flipSinToCos: boolean;
  /** In training: before the second convolution of each block. */
  readonly dropout?: Dropout;
  /** Channels of the prediction; those of x unless told. */
  readonly outputs?: number;
}

type BlockOptions = Required<Pick<DdpmUNet, "groups" | "normEps" | "dropout">>;

/** (GroupNorm → SiLU → 3×3 convolution) twice, with the time added between, and a residual. */
function resnetBlock(p: Scope, x: Tensor, time: Tensor, channels: number, { groups, normEps, dropout }: BlockOptions): Tensor {
  const active = (name: string, x: Tensor): Tensor => silu(groupNorm(p.at(name), x, groups, normEps));
  let h = conv(p.at("conv1"), active("norm1", x), channels, 3);
  h = h.add(linear(p.at("time_emb_proj"), silu(time), channels).reshape(time.shape[0]!, 1, 1, channels));
  h = conv(p.at("conv2"), dropout(p, active("norm2", h)), channels, 3);
  return h.add(x.shape.at(-1) === channels ? x : conv(p.at("conv_shortcut"), x, channels, 1));
}

/**
 * Predicts from x_t [b, h, w, c] and t (int32), [b] or [1] for all, what the objective asks for, [b, h, w, outputs]: the U-Net of Ho et al. 2020 as they had it,
 * with the names of the `UNet2DModel` of diffusers. Each block, and each convolution that halves, leaves a skip. With `classes` [b, K + 1] (see classes.ts)
 * an embedding of the class is added to that of the time.
 */
export function ddpmUnet(
  p: Scope,
  x: Tensor,
  t: Tensor,
  { dim, dimMults, blocks, dropout = (_, x) => x, outputs = x.shape.at(-1)!, ...model }: DdpmUNet,
  classes?: Tensor,
): Tensor {
  const { attention: levels, headDim, groups, normEps, downsamplePadding } = model;
  const widths = dimMults.map((m) => m * dim);
  const deepest = widths.length - 1;
  const attend = (p: Scope, x: Tensor): Tensor => selfAttention(p, x, { groups, eps: normEps, headDim });
  const block = (p: Scope, x: Tensor, channels: number): Tensor => resnetBlock(p, x, time, channels, { groups, normEps, dropout });
  const layer = (p: Scope, x: Tensor, level: number, j: number): Tensor => {
    const h = block(p.at("resnets", j), x, widths[level]!);
    return levels.includes(level) ? attend(p.at("attentions", j), h) : h;
  };
  const hidden = silu(linear(p.at("time_embedding.linear_1"), timeEmbedding(t, dim, model), 4 * dim));
  const embedding = linear(p.at("time_embedding.linear_2"), hidden, 4 * dim);
  const time = classes ? embedding.add(classEmbedding(p.at("class_embedding"), classes, 4 * dim, { transposed: true })) : embedding;

  const skips = new Skips();
  let h = skips.keep(conv(p.at("conv_in"), x, dim, 3));
  for (const [level, width] of widths.entries()) {
    const down = p.at("down_blocks", level);
    for (let j = 0; j < blocks; j++) h = skips.keep(layer(down, h, level, j));
    if (level < deepest) h = skips.keep(downsample3(down.at("downsamplers.0.conv"), h, width, { padding: downsamplePadding }));
  }
  const middle = p.at("mid_block");
  h = block(middle.at("resnets.0"), h, widths[deepest]!);
  h = attend(middle.at("attentions.0"), h);
  h = block(middle.at("resnets.1"), h, widths[deepest]!);
  for (const [i, width] of [...widths].reverse().entries()) {
    const up = p.at("up_blocks", i);
    for (let j = 0; j <= blocks; j++) h = layer(up, skips.join(h), deepest - i, j);
    if (i < deepest) h = upsampleNearest(up.at("upsamplers.0.conv"), h, width);
  }
  return conv(p.at("conv_out"), silu(groupNorm(p.at("conv_norm_out"), h, groups, normEps)), outputs, 3);
}
