// The U-Net of Ho et al. with its 35.7 million parameters draws in a page what diffusers draws from the same weights and noise
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeModel, imageShape, imagesFromNCHW, parametersFrom, presets, trainingStep } from "@ddpm/core";
import { decode } from "@ddpm/core/safetensors";
import { figure, long } from "@ddpm/torture";
import { test } from "@playwright/test";
import { expectSame, sample } from "./samples.ts";

const folder = mkdtempSync(join(tmpdir(), "ddpm-"));
test.afterAll(() => rmSync(folder, { recursive: true, force: true }));

const config = presets["ddpm-cifar10"];
const { tensors } = decode(readFileSync(new URL("../../packages/core/fixtures/ddpm-cifar10.safetensors", import.meta.url)));

test.beforeAll(() => {
  const { scope } = trainingStep(config);
  const bytes = encodeModel(parametersFrom(scope, scope.initialValues(0)), { config, step: 0 });
  writeFileSync(join(folder, "model.safetensors"), bytes);
});

for (const device of long ? ["wasm", "webgl"] : ["wasm"])
  for (const sampler of long ? (["ddim", "ddpm"] as const) : (["ddim"] as const))
    test(`${sampler} draws on ${device} as diffusers does`, async ({ page }) => {
      test.setTimeout(1_800_000);
      const start = Date.now();
      const found = await sample(page, folder, device, { sampler, steps: 4, spacing: "leading", count: 2, seed: 1 });
      const expected = imagesFromNCHW(Float32Array.from(tensors.get(sampler)!.data), imageShape(config, 2));
      expectSame(found, expected);
      const most = found.reduce((greatest, x, i) => Math.max(greatest, Math.abs(x - expected[i]!) / 2), 0);
      figure(
        `35.7 million parameters on ${device}, ${sampler}: ${(255 * most).toFixed(4)} of 255 from diffusers, ${Math.round((Date.now() - start) / 1000)} s`,
      );
    });
