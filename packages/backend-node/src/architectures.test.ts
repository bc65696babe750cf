// The U-Net of Ho et al. at its full size draws what diffusers draws, from the same weights and the same noise
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, test } from "node:test";
import { compileSampler, imageShape, imagesToNCHW, parametersFrom, presets, samplesOf, trainingStep, valuesOf } from "@ddpm/core";
import { decode } from "@ddpm/core/safetensors";
import { tensorflow } from "./tensorflow/engine.ts";

const backend = await tensorflow({ device: "cpu" });
after(() => backend[Symbol.asyncDispose]());

const config = presets["ddpm-cifar10"];
const { scope } = trainingStep(config);
const weights = valuesOf(parametersFrom(scope, scope.initialValues(0)));
/** What bench/pytorch/draw_diffusers.py drew with the model and the noise of random-model.ts. */
const { tensors } = decode(readFileSync(new URL("../../core/fixtures/ddpm-cifar10.safetensors", import.meta.url)));

for (const sampler of ["ddim", "ddpm"] as const) {
  test(`${sampler} draws with 35.7 million parameters as diffusers does, within 1/255`, async () => {
    await using compiled = await compileSampler(backend, config, weights, { sampler, steps: 4, spacing: "leading", batch: 2 });
    const found = imagesToNCHW(Float32Array.from(await samplesOf(compiled, { seed: 1 })), imageShape(config, 2));
    const expected = tensors.get(sampler)!.data;
    for (const [i, x] of found.entries()) assert.ok(Math.abs(x - Number(expected[i])) <= 1 / 255, `${i}: ${x} for ${expected[i]}`);
  });
}
