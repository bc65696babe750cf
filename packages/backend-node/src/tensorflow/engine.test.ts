import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, test } from "node:test";
import { configure, initialState, presets, shapes, trainingFeeds, trainingStep } from "@ddpm/core";
import { input, Tensor, variable } from "@ddpm/core/graph";
import { batch } from "@ddpm/core/training";
import { tensorflow } from "./engine.ts";

const backend = await tensorflow({ device: "cpu" });
after(() => backend[Symbol.asyncDispose]());

const config = configure(presets.tiny, { "data.height": 8, "data.width": 8, "train.batch": 4 });
const data = await batch(shapes({ height: 8, width: 8 }), { seed: 0, batch: 4, step: 1, flip: true });
const training = trainingStep(config);
const state = initialState(training, 0);

/** Resident memory in MiB that no file stands behind. */
const resident = (): number => Number(/^RssAnon:\s+(\d+) kB/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1]) / 1024;

test("memory does not grow over 1,000 steps", async () => {
  await using program = await backend.compile(training.step, state);
  const steps = async (from: number, to: number) => {
    for (let n = from; n <= to; n++) await program.run(trainingFeeds(config, data, n));
  };
  await steps(1, 200);
  const before = resident();
  await steps(201, 1200);
  const growth = resident() - before;
  assert.ok(growth < 12, `grew by ${growth.toFixed(1)} MiB`); // a leak of one image batch a step would be 1 MiB, of one parameter set 60 MiB
});

test("a disposed program frees its graph, its session and its variables", async () => {
  const large = variable("large", [1 << 20]);
  const step = { outputs: { sum: large.sum(0) }, updates: { large: large.mul(2) } };
  const once = async () => {
    await using program = await backend.compile(step, new Map([["large", new Float32Array(1 << 20).fill(1)]]));
    assert.equal((await program.run({}))["sum"]![0], 1 << 20);
  };
  for (let i = 0; i < 5; i++) await once();
  const before = resident();
  for (let i = 0; i < 40; i++) await once();
  const growth = resident() - before;
  assert.ok(growth < 40, `grew by ${growth.toFixed(1)} MiB`); // 40 sets of variables alone would be 160 MiB
});

test("a disposed program says so, and disposing again does nothing", async () => {
  const program = await backend.compile(training.step, state);
  await program[Symbol.asyncDispose]();
  await program[Symbol.asyncDispose]();
  await assert.rejects(program.run(trainingFeeds(config, data, 1)), /Cannot use a program that is disposed/);
});

test("a program that is disposed of while it runs ends its run first", async () => {
  const program = await backend.compile(training.step, state);
  const running = program.run(trainingFeeds(config, data, 1));
  const reading = program.read(["m"]);
  await program[Symbol.asyncDispose]();
  assert.ok((await running)["loss"]![0]! > 0);
  assert.equal((await reading).size, 1);
});

test("what is missing or of a wrong size is named", async () => {
  await assert.rejects(backend.compile(training.step, new Map()), /Expected a value for init_conv.weight of shape \[7,7,1,4\] but found none; give/);
  await using program = await backend.compile(training.step, state);
  const feeds = trainingFeeds(config, data, 1);
  const { images: _, ...others } = feeds;
  await assert.rejects(program.run(others), /Expected a value for images of shape \[4,8,8,1\] but found none/);
  await assert.rejects(
    program.run({ ...feeds, images: new Float32Array(3) }),
    /Expected 256 values for images of shape \[4,8,8,1\] but found 3; give it as many/,
  );
  await assert.rejects(
    program.run(feeds, ["accuracy"]),
    /Expected one of the outputs loss, losses, gradientNorm but found accuracy; choose among them/,
  );
  await assert.rejects(program.read(["weights"]), /Expected one of the variables .* but found weights/);
});

test("TensorFlow's own message comes with the part of the model at fault", async () => {
  const weight = variable("downs.0.proj.weight", [3, 3, 2, 5]);
  const y = input("x", [1, 4, 4, 2]).conv2d(weight, { padding: 1 });
  const wrong = new Tensor("conv2dKernelGrad", [y, y], { stride: 1, padding: 1, shape: [3, 3, 2, 5] });
  const state = new Map([["downs.0.proj.weight", new Float32Array(90)]]);
  const run = async () => {
    await using program = await backend.compile({ outputs: { wrong } }, state);
    await program.run({ x: new Float32Array(32) });
  };
  await assert.rejects(run(), /^Error: TensorFlow: .*depth.* \(in downs\.0\.proj\/Conv2DBackpropFilter_\d+\)$/);
});

test("two programs train to the same bits", async () => {
  const losses = async () => {
    await using program = await backend.compile(training.step, state);
    const found = [];
    for (let n = 1; n <= 20; n++) found.push((await program.run(trainingFeeds(config, data, n)))["loss"]![0]);
    return found;
  };
  assert.deepEqual(await losses(), await losses());
});
