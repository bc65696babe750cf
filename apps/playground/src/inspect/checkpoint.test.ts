import assert from "node:assert/strict";
import { test } from "node:test";
import { type CheckpointMetadata, type Config, configure, encodeModel, parametersFrom, presets, trainingStep } from "@ddpm/core";
import { encode } from "@ddpm/core/safetensors";
import { openCheckpoint } from "./checkpoint.ts";

const small = configure(presets.tiny, { "data.height": 16, "data.width": 16 });
const { scope } = trainingStep(small);
const checkpoint = (changes: Partial<Config> = {}, more: Partial<CheckpointMetadata> = {}): Uint8Array =>
  encodeModel(parametersFrom(scope, scope.initialValues(0)), { config: { ...small, ...changes }, step: 7, ...more });

test("a checkpoint comes with what there is to say of it", () => {
  const { config, parameters, facts } = openCheckpoint("a", checkpoint());
  assert.deepEqual(config, small);
  assert.deepEqual([facts.trained, facts.knowsNone, facts.drawing], [7, true, undefined]);
  assert.equal(
    facts.parameters,
    [...parameters.values()].reduce((sum, { length }) => sum + length, 0),
  );
  assert.deepEqual(facts.tensors.find(({ name }) => name === "init_conv.bias")?.shape, [4]);
});

test("a checkpoint from diffusers comes with how its scheduler draws", () => {
  const scheduler = { _class_name: "DDIMScheduler", timestep_spacing: "leading" };
  const { drawing } = openCheckpoint("a", checkpoint({}, { scheduler })).facts;
  assert.deepEqual(drawing?.settings, { sampler: "ddim", spacing: "leading", clip: true, rederive: false });
  const dynamic = checkpoint({}, { scheduler: { ...scheduler, thresholding: true } });
  assert.throws(() => openCheckpoint("a", dynamic), /Expected thresholding of diffusers to be false but found true/);
});

test("what is no checkpoint of ours, or too large for a page, is refused", () => {
  const bare = encode(new Map([["a", { shape: [1], data: new Float32Array(1) }]]));
  assert.throws(
    () => openCheckpoint("a", bare),
    /Expected a checkpoint of ddpm train but its configuration is missing; write one from Python's with ddpm convert/,
  );
  const classes = Array.from({ length: 10_001 }, (_, i) => `class ${i}`);
  assert.throws(
    () => openCheckpoint("a", checkpoint({ "model.classes": classes })),
    /Expected a model of at most 10000 classes in this page but found 10001; draw with ddpm sample/,
  );
  assert.throws(
    () => openCheckpoint("a", checkpoint({ "data.height": 4096, "data.width": 4096 })),
    /Expected images of at most 4194304 numbers in this page but found 4096 × 4096 × 1; draw with ddpm sample/,
  );
});
