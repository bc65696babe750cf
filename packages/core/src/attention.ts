import { conv, groupNorm, pointwise } from "./nn.ts";
import type { Scope } from "./scope.ts";
import { composite, type Tensor } from "./tensor.ts";

const heads = 4;
const headWidth = 32;
const width = heads * headWidth;

/** The weights of queries, keys and values, [c, 128] each: slices of one parameter. */
function projections(p: Scope, channels: number): [Tensor, Tensor, Tensor] {
  const weight = p.param("to_qkv.weight", [1, 1, channels, 3 * width], { fanIn: channels }).reshape(channels, 3 * width);
  return [weight.slice(1, 0, width), weight.slice(1, width, width), weight.slice(1, 2 * width, width)];
}

interface Attended {
  /** [b, h, w, c] */
  readonly y: Tensor;
  /** Those of queries, keys and values, [c, width] each. */
  readonly weights: readonly [Tensor, Tensor, Tensor];
  /** Those of queries and values, [width] each, or none; one of keys would add the same to all scores of a query, which softmax does not see. */
  readonly biases?: { readonly q: Tensor; readonly v: Tensor };
  readonly heads: number;
}

/** softmax(qᵀk/√d)·v of each head over all pairs of pixels (Vaswani et al. 2017, eq. 1): [b, h, w, width]. */
function attended({ y, weights, biases, heads }: Attended): Tensor {
  const [b, h, w] = y.shape as [number, number, number, number];
  const width = weights[0].shape[1]!;
  const d = width / heads;
  const [wq, wk, wv] = weights;
  const split = (weight: Tensor, bias?: Tensor): Tensor => {
    const projected = pointwise(y, weight);
    return (bias ? projected.biasAdd(bias) : projected).reshape(b, h * w, heads, d).transpose(0, 2, 1, 3); // [b, heads, hw, d]
  };
  const mixed = split(wq, biases?.q)
    .mul(d ** -0.5)
    .matmul(split(wk), { transposeB: true })
    .softmax()
    .matmul(split(wv, biases?.v))
    .transpose(0, 2, 1, 3)
    .reshape(b, h, w, width);
  return composite(mixed, [y, ...weights, ...(biases ? [biases.q, biases.v] : [])], { name: "attention", heads });
}

/** x + Attention(GroupNorm(x)) with four heads of 32 channels. */
export function attention(p: Scope, x: Tensor): Tensor {
  const c = x.shape.at(-1)!;
  const y = groupNorm(p.at("fn.norm"), x);
  return x.add(conv(p.at("fn.fn.to_out"), attended({ y, weights: projections(p.at("fn.fn"), c), heads }), c, 1));
}

/** x + Attention(GroupNorm(x)) as Ho et al. 2020 have it, as wide as x, with biases, in heads of `headDim` channels or, with 0, in one. */
export function selfAttention(p: Scope, x: Tensor, { groups, eps, headDim }: { groups: number; eps: number; headDim: number }): Tensor {
  const c = x.shape.at(-1)!;
  const parts = ["to_q", "to_k", "to_v"].map((name) => p.at(name));
  const weights = parts.map((p) => p.param("weight", [c, c], { fanIn: c })) as [Tensor, Tensor, Tensor];
  const [q, , v] = parts.map((p) => p.param("bias", [c], { fanIn: c })) as [Tensor, Tensor, Tensor];
  const y = groupNorm(p.at("group_norm"), x, groups, eps);
  const mixed = attended({ y, weights, biases: { q, v }, heads: headDim === 0 ? 1 : c / headDim });
  const out = p.at("to_out.0");
  return x.add(pointwise(mixed, out.param("weight", [c, c], { fanIn: c })).biasAdd(out.param("bias", [c], { fanIn: c })));
}

/**
 * x + LinearAttention(GroupNorm(x)) (Shen et al. 2021): softmax_d(q)·(softmax_n(k)ᵀ·v), linear in the number of pixels.
 * With e = exp(k - max) it is reassociated to softmax_d(q) · [((eᵀy)/Σe)·(Wv·Wo)]: v is never made and nothing of a pixel's size is transposed.
 */
export function linearAttention(p: Scope, x: Tensor): Tensor {
  const [b, h, w, c] = x.shape as [number, number, number, number];
  const n = h * w;
  const y = groupNorm(p.at("fn.norm"), x);
  const [wq, wk, wv] = projections(p.at("fn.fn"), c);
  const out = p.at("fn.fn.to_out");
  const wo = out.param("0.weight", [1, 1, width, c], { fanIn: width });
  const q = pointwise(y, wq)
    .reshape(b * n * heads, headWidth)
    .softmax()
    .reshape(b, n, width);
  const k = pointwise(y, wk).reshape(b, n, width);
  const e = k.sub(k.max(1).stop()).exp();
  const context = e.matmul(y.reshape(b, n, c), { transposeA: true }).div(e.sum(1).reshape(b, width, 1)); // [b, 128, c]
  const wvo = wv
    .reshape(c, heads, headWidth)
    .transpose(1, 0, 2)
    .matmul(wo.reshape(heads, headWidth, c))
    .mul(headWidth ** -0.5); // [heads, c, c]
  const byHead = context
    .reshape(b, heads, headWidth, c)
    .transpose(1, 0, 2, 3)
    .reshape(heads, b * headWidth, c)
    .matmul(wvo);
  const values = byHead.reshape(heads, b, headWidth, c).transpose(1, 0, 2, 3).reshape(b, width, c);
  const mixed = composite(q.matmul(values).reshape(b, h, w, c), [y, wq, wk, wvo], { name: "linearAttention", heads });
  return x.add(groupNorm(out.at(1), mixed.biasAdd(out.param("0.bias", [c], { fanIn: width }))));
}
