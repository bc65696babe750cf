import type { Tensor, Tensor1D, Tensor4D } from "@tensorflow/tfjs";
import { channelsOf, type Layers, layers } from "./layers.ts";
import type { Tf, Weights } from "./weights.ts";

export type UnetConfig = {
  readonly dim: number;
  readonly dimMults: readonly number[];
  readonly channels: number;
  readonly block: "resnet" | "convnext";
  readonly groups: number;
};

/** The notebook's model. */
export const notebook: UnetConfig = { dim: 28, dimMults: [1, 2, 4], channels: 1, block: "resnet", groups: 1 };

/** A block by its name: the time is added between the convolutions. */
function blocks({ conv, depthwise, linear, groupNorm, silu, gelu }: Layers, config: UnetConfig) {
  const shift = (time: Tensor, name: string, out: number) => linear(time, `${name}.mlp.1`, out).reshape([-1, 1, 1, out]);

  const residual = (x: Tensor4D, name: string, out: number) => (channelsOf(x) === out ? x : conv(x, `${name}.res_conv`, out));

  const resnetBlock = (x: Tensor4D, name: string, out: number, time?: Tensor) => {
    const half = (h: Tensor4D, part: string) => silu(groupNorm(conv(h, `${part}.proj`, out, { kernel: 3 }), `${part}.norm`, config.groups));
    let h = half(x, `${name}.block1`);
    if (time !== undefined) h = h.add(shift(silu(time), name, out));
    return half(h, `${name}.block2`).add<Tensor4D>(residual(x, name, out));
  };

  const convnextBlock = (x: Tensor4D, name: string, out: number, time?: Tensor) => {
    let h = depthwise(x, `${name}.ds_conv`);
    if (time !== undefined) h = h.add(shift(gelu(time), name, channelsOf(x)));
    h = gelu(conv(groupNorm(h, `${name}.net.0`), `${name}.net.1`, out * 2, { kernel: 3 }));
    h = conv(groupNorm(h, `${name}.net.3`), `${name}.net.4`, out, { kernel: 3 });
    return h.add<Tensor4D>(residual(x, name, out));
  };

  return config.block === "resnet" ? resnetBlock : convnextBlock;
}

/** Full and linear attention, each with its pre-norm and residual: 4 heads of 32. */
function attentions(tf: Tf, { conv, groupNorm }: Layers) {
  // [b, h, w, 384] → q, k, v of [b, heads, h·w, 32]
  const heads = (x: Tensor4D, name: string) => {
    const [b, h, w] = x.shape;
    const qkv = conv(x, `${name}.to_qkv`, 384, { bias: false }).reshape([b, h * w, 3, 4, 32]);
    return tf.unstack(qkv.transpose([2, 0, 3, 1, 4])) as [Tensor, Tensor, Tensor];
  };

  const joinHeads = (y: Tensor, [b, h, w]: readonly number[]) =>
    y.transpose([0, 2, 1, 3]).reshape<Tensor4D>([b as number, h as number, w as number, 128]);

  const attention = (x: Tensor4D, name: string) => {
    const [q, k, v] = heads(groupNorm(x, `${name}.fn.norm`), `${name}.fn.fn`);
    const weight = tf.softmax(tf.matMul(q.mul(32 ** -0.5), k, false, true));
    const y = joinHeads(tf.matMul(weight, v), x.shape);
    return x.add<Tensor4D>(conv(y, `${name}.fn.fn.to_out`, channelsOf(x)));
  };

  const linearAttention = (x: Tensor4D, name: string) => {
    const [q, k, v] = heads(groupNorm(x, `${name}.fn.norm`), `${name}.fn.fn`);
    const keys = tf.softmax(k.transpose([0, 1, 3, 2])); // [b, heads, 32, hw], over positions
    const context = tf.matMul(keys, v);
    const y = joinHeads(tf.matMul(tf.softmax(q).mul(32 ** -0.5), context), x.shape);
    const out = conv(y, `${name}.fn.fn.to_out.0`, channelsOf(x));
    return x.add<Tensor4D>(groupNorm(out, `${name}.fn.fn.to_out.1`));
  };

  return { attention, linearAttention };
}

/** The U-Net of DESIGN §6 as a user of tfjs writes it: x [b, h, w, c], t [b] → eps [b, h, w, c]. */
export function unet(tf: Tf, config: UnetConfig, weights: Weights): (x: Tensor4D, t: Tensor1D) => Tensor4D {
  const parts = layers(tf, weights);
  const { conv, upsample, linear, gelu } = parts;
  const block = blocks(parts, config);
  const { attention, linearAttention } = attentions(tf, parts);
  const { dim, dimMults, channels } = config;
  const half = dim / 2;
  const frequencies = tf.tensor1d(Array.from({ length: half }, (_, i) => Math.exp((-Math.log(1e4) * i) / (half - 1))));

  const timeEmbedding = (t: Tensor1D) => {
    const angles = t.toFloat().expandDims(1).mul(frequencies);
    const h = linear(tf.concat([angles.sin(), angles.cos()], 1), "time_mlp.1", dim * 4);
    return linear(gelu(h), "time_mlp.3", dim * 4);
  };

  const level = (x: Tensor4D, name: string, out: number, time: Tensor) =>
    linearAttention(block(block(x, `${name}.0`, out, time), `${name}.1`, out, time), `${name}.2`);

  const middle = (x: Tensor4D, time: Tensor) => {
    const out = channelsOf(x);
    return block(attention(block(x, "mid_block1", out, time), "mid_attn"), "mid_block2", out, time);
  };

  return (input, t) => {
    const time = timeEmbedding(t);
    const skips: Tensor4D[] = [];
    let x = conv(input, "init_conv", Math.floor(dim / 3) * 2, { kernel: 7 });
    dimMults.forEach((mult, i) => {
      x = level(x, `downs.${i}`, dim * mult, time);
      skips.push(x);
      if (i < dimMults.length - 1) x = conv(x, `downs.${i}.3`, dim * mult, { kernel: 4, stride: 2 });
    });
    x = middle(x, time);
    for (let i = 0; i < dimMults.length - 1; i++) {
      const out = dim * (dimMults[dimMults.length - 2 - i] as number);
      x = level(tf.concat([x, skips.pop() as Tensor4D], 3), `ups.${i}`, out, time);
      x = upsample(x, `ups.${i}.3`);
    }
    return conv(block(x, "final_conv.0", dim), "final_conv.1", channels);
  };
}
