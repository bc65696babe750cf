import assert from "node:assert/strict";
import { test } from "node:test";
import { goldenJson } from "../test/golden.ts";
import type { Numbers } from "./backend.ts";
import { boundFeeds, boundTerms, compileBound, priorBits, strata } from "./bound.ts";
import { configure, scheduleFor } from "./config.ts";
import { qSample } from "./diffusion.ts";
import { presets } from "./presets.ts";
import { evaluate, reference } from "./reference.ts";
import { parametersOf } from "./sampling.ts";
import { extract } from "./schedule.ts";
import { size } from "./shape.ts";
import { input, type Tensor } from "./tensor.ts";

/**
 * What openai/improved-diffusion's `calc_bpd_loop` (1bc7bbb) computes in float64, its `_extract_into_tensor` freed of the cast to float32: a linear
 * schedule of 30 timesteps, clipped x0, a model whose eps is 0.9 x + 0.1 cos t and whose spread is sin 3x, one channel, so that its order is ours.
 */
interface Recording {
  timesteps: number;
  shape: [number, number, number, number];
  betas: number[];
  x0: number[];
  /** [T, …shape] */
  noise: number[];
  prior: number[];
  /** `terms` are [T, n]. */
  bounds: Record<"posterior" | "beta" | "learned", { terms: number[]; total: number[] }>;
}

const golden = goldenJson<Recording>("improved-diffusion-bound.json");
const [batch, height, width, channels] = golden.shape;
const elements = height * width * channels;
const configOf = (variance: keyof Recording["bounds"]) =>
  configure({
    "data.height": height,
    "data.width": width,
    "model.channels": channels,
    "model.dimMults": [1],
    "diffusion.timesteps": golden.timesteps,
    "diffusion.schedule": "linear-scaled",
    "diffusion.variance": variance,
  });
const images = Float64Array.from(golden.x0);

for (const variance of ["posterior", "beta", "learned"] as const)
  test(`each term of the bound is improved-diffusion's: variance ${variance}`, () => {
    const config = configOf(variance);
    const coefficient = (name: string): Tensor => input(name, [batch, 1, 1, 1]);
    const signal = { sqrtAlphasCumprod: coefficient("sqrtAlphasCumprod"), sqrtOneMinusAlphasCumprod: coefficient("sqrtOneMinusAlphasCumprod") };
    const [x0, noise] = [input("x0", golden.shape), input("noise", golden.shape)];
    const xt = qSample(x0, noise, signal);
    const eps = xt.mul(0.9).add(coefficient("cosine").mul(0.1));
    const predicted = xt.sub(eps.mul(signal.sqrtOneMinusAlphasCumprod)).div(signal.sqrtAlphasCumprod).clip(-1, 1);
    const spread = variance === "learned" ? xt.mul(3).sin() : undefined;
    const terms = boundTerms({ x0, xt, predicted, spread });
    const { sqrtAlphasCumprod, sqrtOneMinusAlphasCumprod } = scheduleFor(config);
    const totals = priorBits(config, images);
    for (let t = 0; t < golden.timesteps; t++) {
      const all = new Int32Array(batch).fill(t);
      const feeds = new Map<string, Numbers>([
        ...Object.entries(boundFeeds(config, all)),
        ["sqrtAlphasCumprod", extract(sqrtAlphasCumprod, all)],
        ["sqrtOneMinusAlphasCumprod", extract(sqrtOneMinusAlphasCumprod, all)],
        ["cosine", new Float64Array(batch).fill(Math.cos(t))],
        ["x0", images],
        ["noise", Float64Array.from(golden.noise.slice(t * batch * elements, (t + 1) * batch * elements))],
      ]);
      const bits = [...evaluate([terms], feeds)[0]!];
      near(bits, golden.bounds[variance].terms.slice(t * batch, (t + 1) * batch));
      for (const [i, x] of bits.entries()) totals[i]! += x;
    }
    near([...totals], golden.bounds[variance].total);
  });

test("the prior's term is improved-diffusion's, and 0 where nothing is left of the image", () => {
  const config = configOf("posterior");
  near([...scheduleFor(config).betas], golden.betas);
  near([...priorBits(config, images)], golden.prior);
  const none = configure(config, { "diffusion.zeroTerminalSnr": true, "diffusion.objective": "v" });
  near([...priorBits(none, images)], [0, 0, 0]);
});

test("strata cover all timesteps once, the first alone", () => {
  for (const [T, count] of [
    [600, 60],
    [600, 600],
    [7, 3],
    [8, 7],
    [100, 90],
    [1000, 2],
    [1, 1],
    [10, 1],
  ] as const) {
    const parts = strata(T, count);
    assert.equal(parts.length, count);
    assert.deepEqual(
      parts.flatMap(({ first, length }) => Array.from({ length }, (_, i) => first + i)),
      Array.from({ length: T }, (_, t) => t),
    );
    if (count > 1) assert.equal(parts[0]!.length, 1);
    const lengths = parts.map(({ length }) => length);
    assert.ok(count === 1 || lengths[1]! <= lengths.at(-1)!);
  }
  for (const count of [0, 11, 1.5]) assert.throws(() => strata(10, count), /Expected timesteps of the bound to be an integer in \[1, 10\] but found/);
});

test("a model's terms do not depend on how images are batched, and differ by seed", async () => {
  const config = configure(presets.tiny, { "data.height": 8, "data.width": 8, "diffusion.timesteps": 10 });
  const parameters = new Map([...parametersOf(config)].map(([name, { shape }]) => [name, new Float32Array(size(shape)).fill(0.02)] as const));
  const images = Float32Array.from({ length: 2 * 64 }, (_, i) => ((i * 37) % 256) / 127.5 - 1);
  await using together = await compileBound(reference(), config, parameters, { batch: 2 });
  await using alone = await compileBound(reference(), config, parameters, { batch: 1 });
  const stratum = strata(10, 3)[1]!;
  const both = await together.terms({ images, first: 4 }, stratum, 1);
  for (const i of [0, 1]) near([...(await alone.terms({ images: images.subarray(64 * i, 64 * (i + 1)), first: 4 + i }, stratum, 1))], [both[i]!]);
  assert.notDeepEqual([...(await together.terms({ images, first: 4 }, stratum, 2))], [...both]);
});

function near(found: readonly number[], expected: readonly number[]): void {
  assert.equal(found.length, expected.length);
  for (const [i, x] of found.entries())
    assert.ok(Math.abs(x - expected[i]!) <= 1e-9 * Math.max(1, Math.abs(expected[i]!)), `[${i}]: ${x} for ${expected[i]}`);
}
