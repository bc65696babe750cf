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

/** x + Attention(GroupNorm(x)): softmax(qᵀk/√d)·v over all pairs of pixels (Vaswani et al. 2017, eq. 1). */
export function attention(p: Scope, x: Tensor): Tensor {
  const [b, h, w, c] = x.shape as [number, number, number, number];
  const y = groupNorm(p.at("fn.norm"), x);
  const split = (weight: Tensor): Tensor =>
    pointwise(y, weight)
      .reshape(b, h * w, heads, headWidth)
      .transpose(0, 2, 1, 3); // [b, heads, hw, 32]
  const weights = projections(p.at("fn.fn"), c);
  const [q, k, v] = weights.map(split) as [Tensor, Tensor, Tensor];
  const mixed = q
    .mul(headWidth ** -0.5)
    .matmul(k, { transposeB: true })
    .softmax()
    .matmul(v)
    .transpose(0, 2, 1, 3)
    .reshape(b, h, w, width);
  return x.add(conv(p.at("fn.fn.to_out"), composite(mixed, [y, ...weights], { name: "attention", heads }), c, 1));
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
