import assert from "node:assert/strict";
import { test } from "node:test";
import type { Numbers } from "./backend.ts";
import { configure, scheduleFor } from "./config.ts";
import { noised, repaint, slerp } from "./editing.ts";
import { normals, startNoise, stream } from "./random.ts";
import { reference } from "./reference.ts";
import { rows } from "./sampler.ts";
import { compileSampler, type Draw, type SamplerSettings, samplesOf } from "./sampling.ts";
import { schedule } from "./schedule.ts";
import type { Row } from "./solvers.ts";
import { trainingStep } from "./training.ts";

const linear = schedule("linear", 1000);

test("noised() is the forward process at the level that a table starts at", () => {
  const table = rows("ddim", linear, { steps: 10, strength: 0.35 });
  assert.equal(table.length, 4); // 3.5 steps, rounded up
  const t = table[0]!.t;
  assert.equal(table[0]!.alphaBar, linear.alphasCumprod[t]);
  const [images, z] = [Float32Array.of(1, -1, 0.5, 0), startNoise(7, 1, 4)];
  const found = noised(images, { row: table[0]!, count: 1, seed: 7 });
  for (const [i, x] of images.entries())
    assert.ok(Math.abs(found[i]! - (linear.sqrtAlphasCumprod[t]! * x + linear.sqrtOneMinusAlphasCumprod[t]! * z[i]!)) < 1e-6);
});

test("a strength outside (0, 1] is a RangeError, and the least one is a single step", () => {
  for (const strength of [0, -1, 1.01, Number.NaN])
    assert.throws(() => rows("ddim", linear, { strength }), /Expected strength to be above 0 and at most 1 but found/);
  assert.equal(rows("ddim", linear, { steps: 10, strength: 1e-9 }).length, 1);
});

/** How far the variance of x is from that of its level after each row, where images are standard normal and the model knows it; it is then 1 at every level. */
function drift(table: readonly Row[]): number {
  let variance = 1;
  return table.reduce((most, row) => {
    const eps = Math.sqrt(1 - row.alphaBar); // E[eps | x] / x
    const gain = row.A + row.B * (row.a + row.b * eps) + row.D * (row.c + row.d * eps);
    variance = gain ** 2 * variance + row.E ** 2;
    return Math.max(most, Math.abs(variance - 1));
  }, 0);
}

const solvers = {
  ddpm: { variance: "beta", limit: 1e-3 }, // exact for normal images but for the last step, which adds no noise (Ho et al. 2020, section 3.2)
  ddim: { limit: 0.05 },
} as const;

for (const [sampler, { limit, ...options }] of Object.entries(solvers) as ["ddpm" | "ddim", { limit: number; variance?: "beta" }][]) {
  test(`repainting with ${sampler} goes back and forth between levels and keeps each one's distribution`, () => {
    const often = repaint(rows(sampler, linear, { steps: 500, ...options }), { jump: 20, times: 4 });
    assert.equal(often.length, 20 + 480 * 4);
    for (const [i, { alphaBar }] of often.slice(1).entries()) assert.equal(alphaBar, often[i]!.alphaBarNext);
    assert.equal(often.filter(({ alphaBar, alphaBarNext }) => alphaBarNext < alphaBar).length, 24 * 3);
    assert.ok(drift(often) < limit, `${drift(often)}`);
  });
}

test("a learned variance is the middle of its range in the rows that go back, and stays in those that do not", () => {
  const table = rows("ddpm", linear, { steps: 4, variance: "learned" });
  const often = repaint(table, { jump: 1, times: 2 });
  assert.equal(often.length, 7);
  for (const [i, row] of table.entries()) assert.deepEqual(often[2 * i], row);
  assert.ok(table[1]!.F > 0);
  for (const [i, row] of table.slice(1).entries()) {
    const { E, F } = often[2 * i + 1]!;
    const alpha = row.alphaBar / row.alphaBarNext;
    assert.equal(F, 0);
    assert.ok(Math.abs(E ** 2 - (alpha * row.E ** 2 + 1 - alpha)) < 1e-12, `${E}`);
  }
});

test("repainting once is the table itself; rows that depend on the step before are refused", () => {
  const table = rows("ddpm", linear, { steps: 7 });
  assert.deepEqual(repaint(table, { jump: 3, times: 1 }), table);
  assert.throws(
    () => repaint(rows("dpm++", linear, { steps: 7 }), { jump: 3, times: 2 }),
    /Expected a sampler of independent steps .*; choose ddpm, ddim or euler$/,
  );
  for (const wrong of [
    { jump: 0, times: 1 },
    { jump: 2, times: 1.5 },
  ])
    assert.throws(() => repaint(table, wrong), {
      name: "RangeError",
      message: /Expected (jump|times) to be a whole number from 1 to 1000 but found/,
    });
  assert.throws(() => repaint(table, { jump: 7, times: 2 }), {
    name: "RangeError",
    message: /more than 7 steps to repaint stretches of 7 but found 7; take more steps$/,
  });
});

const config = configure({ "model.dim": 4, "model.dimMults": [1, 2], "data.height": 4, "data.width": 4, "diffusion.timesteps": 6 });
const parameters = trainingStep(config).scope.initialValues(3);

async function drawn(options: (table: readonly Row[]) => Draw, settings: Partial<SamplerSettings> = {}): Promise<Numbers> {
  await using sampler = await compileSampler(reference(), config, parameters, { sampler: "ddim", batch: 2, ...settings });
  return await samplesOf(sampler, { seed: 1, ...options(sampler.table) });
}

const known = Float32Array.from({ length: 32 }, (_, i) => Math.sin(i));
const maskOf = (f: (i: number) => number) => Float32Array.from({ length: 16 }, (_, i) => f(i));
const close = (a: Numbers, b: Numbers): boolean => a.every((x, i) => Math.abs(x - b[i]!) < 1e-12);

test("inpainting ends in the known image where the mask is 0, and draws all where it is 1", async () => {
  const inpaint = (mask: Float32Array, times: number) =>
    drawn((table) => ({ keep: { known, mask }, table: repaint(table, { jump: 1, times }) }), { inpainting: true });
  assert.ok(
    close(
      await inpaint(
        maskOf(() => 1),
        1,
      ),
      await drawn(() => ({})),
    ),
  );
  assert.ok(
    close(
      await inpaint(
        maskOf(() => 0),
        2,
      ),
      known,
    ),
  );
  const half = await inpaint(
    maskOf((i) => i % 2),
    2,
  );
  for (const i of known.keys()) assert.equal(half[i] === known[i], i % 2 === 0, `pixel ${i}`);
});

test("what is kept is at each step the known image, noised to the level that the step ends at", async () => {
  await using sampler = await compileSampler(reference(), config, parameters, { sampler: "ddim", batch: 2, inpainting: true });
  const { alphasCumprod } = scheduleFor(config);
  const keep = { known, mask: maskOf((i) => i % 2) };
  for await (const { step, t, x } of sampler.draw({ seed: 1, keep })) {
    const alphaBar = alphasCumprod[t - 1] ?? 1;
    const z = normals(stream(1, "steps", step - 1), 32);
    for (const [i, value] of (await x()).entries()) {
      const expected = Math.sqrt(alphaBar) * known[i]! + Math.sqrt(1 - alphaBar) * z[i]!;
      assert.equal(Math.abs(value - expected) < 1e-12, i % 2 === 0, `pixel ${i} after step ${step}: ${value} and ${expected}`);
    }
  }
});

test("an image that is hardly noised is hardly changed; what it is noised with follows from the seed", async () => {
  const from = (strength: number, seed: number) =>
    drawn((table) => {
      const rest = table.slice(-Math.ceil(strength * table.length));
      return { table: rest, start: noised(known, { row: rest[0]!, count: 2, seed }) };
    });
  const distance = (x: Numbers): number => Math.hypot(...Array.from(x, (value, i) => value - known[i]!));
  const [little, much] = [await from(1 / 6, 1), await from(1, 1)];
  assert.ok(distance(little) < distance(much) / 2, `${distance(little)} and ${distance(much)}`);
  assert.ok(close(little, await from(1 / 6, 1)) && !close(little, await from(1 / 6, 2)));
});

test("a sampler keeps something if and only if it was compiled for it", async () => {
  const keep = { known, mask: maskOf(() => 1) };
  await assert.rejects(
    drawn(() => ({ keep })),
    /Expected (some|no)thing to keep of a sampler compiled with(out)? `inpainting` but found it otherwise; compile it so/,
  );
  await assert.rejects(
    drawn(() => ({}), { inpainting: true }),
    /Expected (some|no)thing to keep of a sampler compiled with(out)? `inpainting` but found it otherwise; compile it so/,
  );
  await assert.rejects(
    drawn(() => ({ keep }), { inpainting: true, sampler: "heun" }),
    /Expected a sampler that corrects no step to inpaint with but found one that does; choose any but heun/,
  );
});

test("slerp() goes from one noise to the other and stays as large", () => {
  const [a, b] = [startNoise(1, 1, 1000), startNoise(2, 1, 1000)];
  const norm = (x: Float32Array): number => Math.hypot(...x);
  assert.ok(close(slerp(a, b, 0), a) && slerp(a, b, 1).every((x, i) => Math.abs(x - b[i]!) < 1e-6));
  for (const w of [0.25, 0.5, 0.9]) assert.ok(Math.abs(norm(slerp(a, b, w)) / norm(a) - 1) < 0.06);
  assert.ok(close(slerp(a, a, 0.5), a));
  assert.throws(() => slerp(a, b.subarray(1), 0.5), /Cannot go from a noise of 1000 numbers to one of 999/);
  assert.throws(() => noised(a, { row: { alphaBar: 0.5 }, count: 3, seed: 1 }), /Cannot make 3 images of one size of 1000 numbers/);
});
