import { attention, linearAttention } from "./attention.ts";
import { conv, type Dropout, gelu, groupNorm, linear, silu, standardisedConv, unshuffle, upsampleNearest } from "./nn.ts";
import type { Scope } from "./scope.ts";
import { Skips } from "./skips.ts";
import { concat, type Tensor } from "./tensor.ts";
import { classEmbedding, timeEmbedding } from "./unet.ts";

/** What its U-Net is made of. */
export interface AnnotatedUNet {
  /** Width of the first level and of the time's sinusoids; even, at least 4. */
  readonly dim: number;
  /** What each level hands on, as a multiple of `dim`. */
  readonly dimMults: readonly number[];
  /** Groups of the blocks' normalisations. */
  readonly groups: number;
  /** In training: before the second convolution of each block. */
  readonly dropout?: Dropout;
  /** Channels of the prediction; those of x unless told. */
  readonly outputs?: number;
}

type BlockOptions = Required<Pick<AnnotatedUNet, "groups" | "dropout">>;

/** (3×3 convolution of standardised weights → GroupNorm → SiLU) twice, the first norm scaled and shifted by the time, and a residual. */
function resnetBlock(p: Scope, x: Tensor, time: Tensor, channels: number, { groups, dropout }: BlockOptions): Tensor {
  const normed = (p: Scope, x: Tensor): Tensor => groupNorm(p.at("norm"), standardisedConv(p.at("proj"), x, channels), groups);
  const ofTime = linear(p.at("mlp.1"), silu(time), 2 * channels).reshape(time.shape[0]!, 1, 1, 2 * channels);
  const [scale, shift] = [ofTime.slice(3, 0, channels), ofTime.slice(3, channels, channels)];
  let h = silu(normed(p.at("block1"), x).mul(scale.add(1)).add(shift));
  h = silu(normed(p.at("block2"), dropout(p, h)));
  return h.add(x.shape.at(-1) === channels ? x : conv(p.at("res_conv"), x, channels, 1));
}

/**
 * Predicts from x_t [b, h, w, c] and t (int32), [b] or [1] for all, what the objective asks for, [b, h, w, outputs]: the U-Net of the annotated diffusion
 * model (Rogge and Rasul 2022) as that text has it today, with its names. Each of a level's two blocks leaves a skip, and the first convolution one for the end.
 * With `classes` [b, K + 1] (see classes.ts) an embedding of the class is added to that of the time.
 */
export function annotatedUnet(
  p: Scope,
  x: Tensor,
  t: Tensor,
  { dim, dimMults, groups, dropout = (_, x) => x, outputs = x.shape.at(-1)! }: AnnotatedUNet,
  classes?: Tensor,
): Tensor {
  const widths = [1, ...dimMults].map((m) => m * dim);
  const levels = dimMults.length;
  const block = (p: Scope, x: Tensor, channels: number): Tensor => resnetBlock(p, x, time, channels, { groups, dropout });
  const hidden = gelu(linear(p.at("time_mlp.1"), timeEmbedding(t, dim), 4 * dim));
  const embedding = linear(p.at("time_mlp.3"), hidden, 4 * dim);
  const time = classes ? embedding.add(classEmbedding(p.at("class_emb"), classes, 4 * dim)) : embedding;

  const first = conv(p.at("init_conv"), x, dim, 1);
  let h = first;
  const skips = new Skips();
  for (let i = 0; i < levels; i++) {
    const [own, next] = widths.slice(i, i + 2) as [number, number];
    const down = p.at("downs", i);
    h = skips.keep(block(down.at(0), h, own));
    h = skips.keep(linearAttention(down.at(2), block(down.at(1), h, own)));
    h = i < levels - 1 ? unshuffle(down.at("3.1"), h, next) : conv(down.at(3), h, next, 3);
  }
  h = block(p.at("mid_block1"), h, widths.at(-1)!);
  h = attention(p.at("mid_attn"), h);
  h = block(p.at("mid_block2"), h, widths.at(-1)!);
  for (let i = 0; i < levels; i++) {
    const [next, own] = widths.slice(levels - i - 1, levels - i + 1) as [number, number];
    const up = p.at("ups", i);
    h = block(up.at(0), skips.join(h), own);
    h = linearAttention(up.at(2), block(up.at(1), skips.join(h), own));
    h = i < levels - 1 ? upsampleNearest(up.at("3.1"), h, next) : conv(up.at(3), h, next, 3);
  }
  return conv(p.at("final_conv"), block(p.at("final_res_block"), concat([h, first], 3), dim), outputs, 1);
}
