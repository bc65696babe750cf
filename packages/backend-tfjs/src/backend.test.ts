import assert from "node:assert/strict";
import { test } from "node:test";
import { configure, initialState, type Program, presets, samplingStep, shapes, trainingFeeds, trainingStep } from "@ddpm/core";
import { coefficientNames } from "@ddpm/core/backend";
import { stream } from "@ddpm/core/random";
import { batch } from "@ddpm/core/training";
import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-cpu";
import { tfjs } from "./backend.ts";

const config = configure(presets.tiny, { "model.dim": 4, "data.height": 4, "data.width": 4, "train.batch": 2 });
const data = await batch(shapes({ height: 4, width: 4 }), { seed: 0, batch: 2, step: 1, flip: true });
const training = trainingStep(config);

await tf.setBackend("cpu");

test("after a run only the state's tensors are alive, and none after disposal", async () => {
  const before = tf.memory().numTensors;
  const program = await tfjs(tf, { name: "cpu" }).compile(training.step, initialState(training, 0));
  const own = tf.memory().numTensors - before;
  assert.equal(own, training.scope.parameters.size + 3); // moments and average are one tensor each
  for (const n of [1, 2]) {
    await program.run(trainingFeeds(config, data, n));
    await program.read();
    assert.equal(tf.memory().numTensors - before, own);
  }
  await program[Symbol.asyncDispose]();
  assert.equal(tf.memory().numTensors, before);
});

test("a page gets to breathe between nodes", async () => {
  let pauses = 0;
  const pause = async (): Promise<void> => void pauses++;
  await using program = await tfjs(tf, { name: "cpu", pause }).compile(training.step, initialState(training, 0));
  const start = performance.now();
  await program.run(trainingFeeds(config, data, 1));
  const took = performance.now() - start;
  assert.ok(pauses > 0 && pauses <= took / 10 + 1, `${pauses} pauses in ${took} ms`);
});

test("an error of tfjs names the op and the part of the model", async () => {
  const broken = { ...tf, matMul: () => assert.fail("out of memory") } as unknown as typeof tf;
  await using program = await tfjs(broken, { name: "cpu" }).compile(training.step, initialState(training, 0));
  const before = tf.memory().numTensors;
  await assert.rejects(program.run(trainingFeeds(config, data, 1)), /^Error: matmul of time_mlp\.1: out of memory$/);
  assert.equal(tf.memory().numTensors, before);
});

test("what depends on weights alone is worked out once, anew after new weights, and freed", async () => {
  const step = samplingStep(config, 2, { clip: true });
  const zeros = new Float32Array(32);
  const state = (seed: number) => new Map([...training.scope.initialValues(seed), ["x", zeros.map((_, i) => Math.sin(i))], ["x0", zeros]] as const);
  const feeds = {
    ...Object.fromEntries(coefficientNames.map((name) => [name, Float32Array.of(0.5)])),
    t: Int32Array.of(3),
    z: stream(0, "steps", 0),
  };
  const before = tf.memory().numTensors;
  const device = tfjs(tf, { name: "cpu" });
  const drawn = async (program: Program) => {
    await program.run(feeds);
    return (await program.read(["x"])).get("x");
  };
  const fresh = await device.compile(step, state(2));
  const expected = await drawn(fresh);
  await fresh[Symbol.asyncDispose]();
  const program = await device.compile(step, state(1));
  const first = await drawn(program);
  const kept = tf.memory().numTensors;
  await drawn(program);
  assert.equal(tf.memory().numTensors, kept);
  assert.notDeepEqual(first, expected);
  await program.write(state(2));
  assert.deepEqual(await drawn(program), expected);
  assert.equal(tf.memory().numTensors, kept);
  await program[Symbol.asyncDispose]();
  assert.equal(tf.memory().numTensors, before);
});
