import assert from "node:assert/strict";
import { test } from "node:test";
import { inputsOf } from "./backend.ts";
import { type Config, configure } from "./config.ts";
import { batch } from "./dataset.ts";
import { emaDecay } from "./optimizer.ts";
import { reference } from "./reference.ts";
import { Scope } from "./scope.ts";
import { shapes } from "./shapes.ts";
import { input } from "./tensor.ts";
import { timestepSampling } from "./timestep-sampling.ts";
import { type Batch, initialState, runStep, trainingFeeds, trainingStep } from "./training.ts";
import { update, updateFeeds } from "./update.ts";

const base: Partial<Config> = {
  "model.dim": 4,
  "model.dimMults": [1],
  "data.height": 4,
  "data.width": 4,
  "diffusion.timesteps": 5,
  "train.batch": 4,
};
const five = shapes({ height: 4, width: 4, count: 5 }); // the second step of an epoch has one image

async function trained(part: Partial<Config>, steps = 2) {
  const config = configure(base, part);
  const training = trainingStep(config);
  const program = await reference().compile(training.step, initialState(training, 0));
  const results = [];
  for (let n = 1; n <= steps; n++) results.push(await runStep(program, config, await batch(five, { seed: 0, batch: 4, step: n, flip: true }), n));
  return { results, state: await program.read() };
}

function near(found: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number, what = ""): void {
  assert.equal(found.length, expected.length);
  for (let i = 0; i < found.length; i++)
    assert.ok(Math.abs(found[i]! - expected[i]!) <= tolerance, `${what} ${i}: ${found[i]} against ${expected[i]}`);
}

const norm = (values: ArrayLike<number>): number => Math.hypot(...Array.from(values));

for (const runs of [2, 4]) {
  test(`a step in ${runs} runs is the step in one: data, noise, timesteps, classes, dropout, clipping, a padded batch`, async () => {
    const part = { "model.classes": five.classes!, "train.clip": 0.05, "model.dropout": 0.3, "train.emaAlso": [0.5] };
    const [whole, parts] = [await trained(part), await trained({ ...part, "train.accumulate": runs })];
    for (const [i, { loss, t, losses, gradientNorm }] of whole.results.entries()) {
      const other = parts.results[i]!;
      near([other.loss, other.gradientNorm], [loss, gradientNorm], 1e-9, "loss and norm");
      assert.deepEqual(other.t, t);
      near(other.losses, losses, 1e-9, "losses");
    }
    for (const [name, values] of whole.state) near(parts.state.get(name)!, values, 1e-7, name);
  });
}

test("the runs of a step but the last change the gradient alone", async () => {
  const config = configure(base, { "train.accumulate": 2 });
  const training = trainingStep(config);
  const program = await reference().compile(training.step, initialState(training, 0));
  const data = await batch(five, { seed: 0, batch: 4, step: 1, flip: true });
  const run = (n: number, part: number) => program.run(trainingFeeds(config, data, n, { run: part }));
  await run(1, 0);
  await run(1, 1);
  const before = await program.read();
  await run(2, 0);
  const after = await program.read();
  for (const [name, values] of before) assert.equal(norm(after.get(name)!.map((x, i) => x - values[i]!)) > 0, name === "g", name);
});

test("a step in one run without clipping is fed and keeps what it always did", () => {
  const { step } = trainingStep(configure());
  const others = Object.keys(step.updates!).filter((name) => !name.includes("."));
  assert.deepEqual(
    [Object.keys(step.outputs), others],
    [
      ["loss", "losses", "gradientNorm"],
      ["m", "v", "ema"],
    ],
  );
  const fed = [...inputsOf(Object.values(step.updates!)).keys()].filter((name) => ["keep", "apply"].includes(name));
  assert.deepEqual(fed, []);
});

test("clipping scales a gradient to the norm asked for, and leaves a smaller one as it is", async () => {
  const most = 0.01;
  const [free, clipped, loose] = [await trained({}, 1), await trained({ "train.clip": most }, 1), await trained({ "train.clip": 1e3 }, 1)];
  const gradient = free.state.get("m")!.map((m) => m / 0.1); // m = (1 - β1)·g
  for (const { results } of [free, clipped, loose]) near([results[0]!.gradientNorm], [norm(gradient)], 1e-9, "norm");
  assert.ok(norm(gradient) > most);
  const scale = most / (norm(gradient) + 1e-6); // torch.nn.utils.clip_grad_norm_
  near(
    clipped.state.get("m")!,
    gradient.map((g) => 0.1 * scale * g),
    1e-12,
    "m",
  );
  near(loose.state.get("m")!, free.state.get("m")!, 1e-12, "m");
});

test("further averages follow their own decays and leave the first as it is", async () => {
  const [one, three] = [await trained({}, 1), await trained({ "train.emaAlso": [0.05, 0] }, 1)];
  assert.deepEqual(three.state.get("ema"), one.state.get("ema"));
  const training = trainingStep(configure(base));
  const packed = (state: Parameters<typeof training.scope.packValues>[0]) => training.scope.packValues(state);
  const [first, now] = [packed(initialState(training, 0)), packed(three.state)];
  near(three.state.get("ema-0")!, now, 1e-7, "the weights");
  near(
    three.state.get("ema-0.05")!,
    now.map((x, i) => x + 0.05 * (first[i]! - x)),
    1e-7,
    "0.05",
  );
  assert.ok(emaDecay(0.05, 1) === 0.05);
});

test("losses are those of the images, each the mean over its elements, and make up the loss", async () => {
  const { results } = await trained({});
  const [full, padded] = results as [(typeof results)[0], (typeof results)[0]];
  near([full.loss], [full.losses.reduce((a, b) => a + b) / 4], 1e-6); // weights are float32
  near([padded.loss], [padded.losses[0]!], 1e-6);
  assert.ok(full.t.every((t) => t >= 0 && t < 5));
});

const faults = {
  "an image that is no number": ({ images }: Batch) => images.fill(Number.NaN, 0, 1),
  "an image so large that the loss overflows": ({ images }: Batch) => images.fill(1e200, 0, 16),
  "a weight that is no number": ({ weights }: Batch) => weights.fill(Number.NaN, 0, 1),
  "an infinite weight": ({ weights }: Batch) => weights.fill(Number.POSITIVE_INFINITY, 0, 1),
};
for (const [fault, spoil] of Object.entries(faults)) {
  for (const part of [{}, { "train.clip": 0.05 }, { "train.accumulate": 2 }] as const) {
    test(`${fault} skips the step and changes nothing, ${JSON.stringify(part)}`, async () => {
      const config = configure(base, part, { "train.emaAlso": [0.5], "train.timesteps": "importance", "train.loss": "l2" });
      const training = trainingStep(config);
      const program = await reference().compile(training.step, initialState(training, 0));
      const timesteps = timestepSampling(config);
      const step = async (n: number, spoil: (batch: Batch) => unknown = () => {}) => {
        const data = await batch(five, { seed: 0, batch: 4, step: n, flip: true });
        spoil(data);
        return runStep(program, config, data, n, { timesteps });
      };
      const state = async () => [[...(await program.read())].filter(([name]) => name !== "g"), timesteps.state()];

      assert.equal((await step(1)).skipped, false);
      const before = await state();
      assert.equal((await step(2, spoil)).skipped, true);
      assert.deepEqual(await state(), before);
      const { skipped, loss, gradientNorm } = await step(3);
      assert.deepEqual([skipped, Number.isFinite(loss), Number.isFinite(gradientNorm)], [false, true, true]);
      assert.notDeepEqual(await state(), before);
      assert.ok([...(await program.read())].every(([, values]) => values.every(Number.isFinite)));
    });
  }
}

test("a loss that is not finite skips the step even where its gradient is finite", async () => {
  const config = configure(base);
  const scope = new Scope();
  const loss = scope.param("x", [2], { fill: 0 }).add(input("offset", [])).sum(0).reshape();
  const { updates } = update(scope, loss, config);
  const state = new Map([["x", new Float64Array(2)], ...["m", "v", "ema"].map((name) => [name, new Float64Array(2)] as const)]);
  const program = await reference().compile({ outputs: {}, updates }, state);
  const run = (offset: number) => program.run({ ...updateFeeds(config, 1, 0), offset: Float64Array.of(offset) });
  await run(Number.POSITIVE_INFINITY);
  assert.deepEqual(await program.read(), state);
  await run(0);
  assert.notDeepEqual(await program.read(), state);
});
