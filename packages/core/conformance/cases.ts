import { attention, linearAttention } from "../src/attention.ts";
import { type Numbers, type Step, variablesOf } from "../src/backend.ts";
import { classRows } from "../src/classes.ts";
import { configure } from "../src/config.ts";
import { keptNames } from "../src/editing.ts";
import { gradients } from "../src/gradient.ts";
import { gelu, groupNorm, pointwise, silu } from "../src/nn.ts";
import { normals, stream } from "../src/random.ts";
import { coefficientNames } from "../src/sampler.ts";
import { samplingStep } from "../src/sampling.ts";
import { Scope } from "../src/scope.ts";
import { type Shape, size } from "../src/shape.ts";
import { concat, input, randomNormal, randomUniform, Tensor, total, variable } from "../src/tensor.ts";

/** A step, its state and its feeds; every backend gives what the reference gives, within 1e-4 of each output's largest value. */
export interface Case {
  readonly name: string;
  readonly step: Step;
  readonly state: ReadonlyMap<string, Numbers>;
  readonly feeds: Readonly<Record<string, Numbers>>;
  /** Whether the case needs gradients of convolutions by their kernels, which tfjs' wasm lacks. */
  readonly trains: boolean;
}

/** Reproducible values around zero. */
const values = (shape: Shape, seed: number): Float32Array => Float32Array.from(normals(stream(seed, "noise"), size(shape)));

/** The value of `build` on random inputs of `shapes`, and its gradients by them. */
function differentiable(name: string, shapes: readonly Shape[], build: (...xs: Tensor[]) => Tensor, positive = false): Case {
  const xs = shapes.map((shape, i) => input(`x${i}`, shape));
  const y = build(...xs);
  const weights = input("weights", y.shape);
  const loss = y
    .mul(weights)
    .sum(...y.shape.keys())
    .reshape();
  const named = gradients(loss, xs).map((dx, i) => [`gradient${i}`, dx] as const);
  const feeds = Object.fromEntries(
    shapes.map((shape, i) => [`x${i}`, positive ? values(shape, i + 1).map((x) => Math.abs(x) + 0.5) : values(shape, i + 1)]),
  );
  return {
    name,
    step: { outputs: { y, ...Object.fromEntries(named) } },
    state: new Map(),
    feeds: { ...feeds, weights: values(y.shape, 99) },
    trains: true,
  };
}

const plain = (name: string, step: Step, feeds: Case["feeds"] = {}, state: Case["state"] = new Map()): Case => ({
  name,
  step,
  feeds,
  state,
  trains: false,
});

const image: Shape = [2, 6, 4, 3];

/** What a sampler's step is made of: images computed from an image, weights that stay and numbers that are fed. */
function onImages(name: string, shape: Shape, build: (x: Tensor, weight: (...shape: number[]) => Tensor) => Tensor): Case {
  const state = new Map<string, Numbers>();
  const weight = (...shape: number[]): Tensor => {
    const name = `w${state.size}`;
    state.set(name, values(shape, state.size + 20));
    return variable(name, shape);
  };
  const step = { outputs: { y: build(input("x", shape), weight) } };
  return plain(`images: ${name}`, step, { x: values(shape, 1) }, state);
}

const positive = (x: Tensor): Tensor => x.mul(x).add(0.5);

const imageCases: readonly Case[] = [
  onImages("elementwise", image, (x, weight) =>
    total([positive(x).sqrt(), positive(x).log(), positive(x).rsqrt().neg(), x.sigmoid().abs(), x.sign().exp()]).sub(weight(3)),
  ),
  onImages("activations", image, (x) =>
    silu(x)
      .div(positive(gelu(x)))
      .add(x.erf())
      .clip(-0.5, 0.75),
  ),
  onImages("numbers beside", image, (x, weight) =>
    x
      .mul(weight())
      .add(weight(2, 1, 1, 3))
      .sub(weight(2, 1, 1, 1))
      .mul(weight(1, 6, 4, 3))
      .add(weight(2, 6, 4, 3)),
  ),
  onImages("a value used twice", image, (x, weight) => {
    const y = x.conv2d(weight(3, 3, 3, 3), { padding: 1 });
    return silu(y).add(y.mul(x));
  }),
  onImages("two products", image, (x, weight) => x.conv2d(weight(3, 3, 3, 5), { padding: 1 }).add(x.conv2d(weight(1, 1, 3, 5)))),
  onImages("conv2d 3×3 without padding", image, (x, weight) => x.conv2d(weight(3, 3, 3, 2))),
  onImages("conv2d 5×5 of stride 3", [1, 11, 9, 4], (x, weight) => x.conv2d(weight(5, 5, 4, 6), { stride: 3, padding: 2 })),
  onImages("conv2d 4×4 of stride 2 on odd sizes", [2, 7, 9, 2], (x, weight) => x.conv2d(weight(4, 4, 2, 3), { stride: 2, padding: 1 })),
  onImages("transposed conv2d", [2, 3, 5, 4], (x, weight) =>
    new Tensor("conv2dInputGrad", [x, weight(4, 4, 3, 4)], { stride: 2, padding: 1, shape: [2, 6, 10, 3] }).biasAdd(weight(3)),
  ),
  onImages("depthwiseConv2d", [1, 5, 9, 6], (x, weight) => x.depthwiseConv2d(weight(7, 7, 6, 1), 3)),
  onImages("convolutions of parts", [1, 4, 6, 3], (x, weight) => {
    const both = concat([x, x.mul(2), x.conv2d(weight(3, 3, 3, 6), { padding: 1 })], 3);
    return both.conv2d(weight(3, 3, 12, 5), { padding: 1 }).add(pointwise(both, weight(12, 5)));
  }),
  onImages("parts as one image", [1, 4, 6, 3], (x, weight) =>
    groupNorm(constantScope(), concat([x, x.conv2d(weight(3, 3, 3, 6), { padding: 1 })], 3), 3),
  ),
  onImages("some channels of an image", [2, 4, 6, 7], (x, weight) =>
    x
      .slice(3, 2, 3)
      .mul(weight(3))
      .add(x.slice(3, 4, 3).exp()),
  ),
  onImages("groupNorm far from zero", [2, 9, 6, 8], (x) => groupNorm(constantScope(), x.mul(0.3).add(10), 2)),
  ...[1, 5, 8].map((width) => onImages(`attention ${width} wide`, [2, 3, width, 8], (x) => attention(constantScope(), x))),
  ...[1, 5, 8].map((width) => onImages(`linear attention ${width} wide`, [2, 3, width, 6], (x) => linearAttention(constantScope(), x))),
];

/** A sampler's whole step for one image with and one without a class, guided and with a part kept: the model twice with the same weights. */
function guidedStep(): Case {
  const config = configure({
    "model.dim": 8,
    "model.dimMults": [1, 2],
    "model.classes": ["a", "b"],
    "data.height": 6,
    "data.width": 4,
  });
  const step = samplingStep(config, 2, { clip: true, guided: true, inpainting: true });
  const state = new Map([...variablesOf(step)].map(([name, shape]) => [name, values(shape, name.length).map((x) => x / 3)]));
  const coefficients = Object.fromEntries(coefficientNames.map((name, i) => [name, Float32Array.of(0.4 + 0.1 * i)]));
  const { signal, noise } = keptNames;
  const feeds = {
    ...coefficients,
    t: Int32Array.of(7),
    z: stream(1, "steps", 3),
    classes: classRows(config, [1, undefined]),
    guidance: Float32Array.of(2.5),
    [signal]: Float32Array.of(0.8),
    [noise]: Float32Array.of(0.6),
  };
  return plain("images: a guided step of inpainting", step, feeds, state);
}

export const cases: readonly Case[] = [
  differentiable(
    "add broadcasts",
    [
      [2, 3, 4],
      [3, 1],
    ],
    (a, b) => a.add(b),
  ),
  differentiable("sub broadcasts", [[4], [2, 3, 4]], (a, b) => a.sub(b)),
  differentiable(
    "mul broadcasts",
    [
      [2, 1, 4],
      [3, 1],
    ],
    (a, b) => a.mul(b),
  ),
  differentiable(
    "div",
    [
      [2, 3],
      [2, 3],
    ],
    (a, b) => a.div(b),
    true,
  ),
  differentiable(
    "addN",
    [
      [2, 3],
      [2, 3],
      [2, 3],
    ],
    (...xs) => total(xs),
  ),
  differentiable("neg, exp, sin, cos", [[2, 5]], (x) => x.neg().exp().sin().cos()),
  differentiable("sqrt and rsqrt", [[2, 5]], (x) => x.sqrt().add(x.rsqrt()), true),
  differentiable("log", [[2, 5]], (x) => x.log(), true),
  differentiable("erf", [[3, 7]], (x) => x.erf()),
  differentiable("sigmoid", [[3, 7]], (x) => x.sigmoid()),
  differentiable("abs and clip", [[3, 7]], (x) => x.abs().add(x.clip(-0.5, 0.7))),
  differentiable("sign", [[3, 7]], (x) => x.sign().mul(x)),
  differentiable("gate", [[2, 3, 4], [4]], (x, s) => x.gate(s)),
  differentiable("silu", [[3, 7]], silu),
  differentiable("softmax", [[2, 3, 5]], (x) => x.softmax()),
  differentiable("max", [[2, 3, 5]], (x) => x.max(1)),
  differentiable("sum over one axis and over several", [[2, 3, 5]], (x) => x.sum(1).add(x.sum(0, 2))),
  differentiable("sum over all axes but the last", [image], (x) => x.sum(0, 1, 2)),
  differentiable("slice and concat", [[2, 5, 3]], (x) => concat([x.slice(1, 3, 2), x.slice(1, 0, 4)], 1)),
  differentiable("transpose", [[2, 3, 4, 5]], (x) => x.transpose(0, 2, 3, 1)),
  differentiable("expand", [[2, 1, 3]], (x) => x.expand(2, 4, 3)),
  differentiable("biasAdd", [image, [3]], (x, b) => x.biasAdd(b)),
  ...[false, true].flatMap((transposeA) =>
    [false, true].map((transposeB) =>
      differentiable(
        `matmul ${transposeA ? "ᵀ" : ""}·${transposeB ? "ᵀ" : ""}`,
        [transposeA ? [2, 4, 3] : [2, 3, 4], transposeB ? [2, 5, 4] : [2, 4, 5]],
        (a, b) => a.matmul(b, { transposeA, transposeB }),
      ),
    ),
  ),
  differentiable(
    "matmul of matrices",
    [
      [3, 4],
      [4, 5],
    ],
    (a, b) => a.matmul(b),
  ),
  differentiable("conv2d 3×3", [image, [3, 3, 3, 5]], (x, k) => x.conv2d(k, { padding: 1 })),
  differentiable("conv2d 7×7", [image, [7, 7, 3, 2]], (x, k) => x.conv2d(k, { padding: 3 })),
  differentiable("conv2d 4×4 of stride 2", [image, [4, 4, 3, 5]], (x, k) => x.conv2d(k, { stride: 2, padding: 1 })),
  differentiable(
    "conv2d 4×4 of stride 2 on odd sizes",
    [
      [1, 7, 5, 2],
      [4, 4, 2, 3],
    ],
    (x, k) => x.conv2d(k, { stride: 2, padding: 1 }),
  ),
  differentiable(
    "transposed conv2d",
    [
      [2, 3, 2, 4],
      [4, 4, 3, 4],
    ],
    (x, k) => new Tensor("conv2dInputGrad", [x, k], { stride: 2, padding: 1, shape: image }),
  ),
  differentiable("depthwiseConv2d", [image, [7, 7, 3, 1]], (x, k) => x.depthwiseConv2d(k, 3)),
  differentiable("groupNorm of one group", [image], (x) => groupNorm(constantScope(), x)),
  differentiable("groupNorm of three groups", [[2, 4, 4, 6]], (x) => groupNorm(constantScope(), x, 3)),
  ...imageCases,
  guidedStep(),
  plain(
    "finite",
    { outputs: { y: input("x", [5]).finite() } },
    { x: Float32Array.of(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 3) },
  ),
  plain(
    "gate lets nothing through at 0",
    { outputs: { y: input("x", [2, 3]).gate(input("s", [2, 1])) } },
    { x: Float32Array.of(Number.NaN, Number.POSITIVE_INFINITY, 5, 1, -2, 3), s: Float32Array.of(0, 2) },
  ),
  plain("cast", { outputs: { y: input("t", [3], "int32").cast() } }, { t: Int32Array.of(1, -2, 3) }),
  plain("randomNormal", { outputs: { y: randomNormal(input("stream", [6], "int32"), 3, 7) } }, { stream: stream(5, "noise", 7, 11) }),
  plain("randomUniform", { outputs: { y: randomUniform(input("stream", [6], "int32"), [3, 8], 0xdeadbeef) } }, { stream: stream(5, "noise", 7, 11) }),
  plain(
    "updates see the values before the run",
    { outputs: { y: variable("a", [2]).mul(2) }, updates: { a: variable("b", [2]).add(1), b: variable("a", [2]).mul(3) } },
    {},
    new Map([
      ["a", Float32Array.of(1, 2)],
      ["b", Float32Array.of(3, 4)],
    ]),
  ),
];

/** A scope whose parameters are constants, for layers whose gradients by the input are of interest. */
function constantScope(): Scope {
  const scope = new Scope();
  scope.param = (name, shape) => new Tensor("array", [], { values: values(shape, name.length), shape });
  scope.at = () => scope;
  return scope;
}
