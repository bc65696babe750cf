// The U-Net of Ho et al. with its 35.7 million parameters draws in a page what diffusers draws from the same weights and noise

import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { encodeModel, imageShape, imagesFromNCHW, parametersFrom, presets, trainingStep } from "@ddpm/core";
import { decode } from "@ddpm/core/safetensors";

import { figure, long } from "@ddpm/torture";
import { test } from "@playwright/test";
import { expectSame, sampleFrom } from "./samples.ts";

const config = presets["ddpm-cifar10"];
const { tensors } = decode(readFileSync(new URL("../../packages/core/fixtures/ddpm-cifar10.safetensors", import.meta.url)));

/** Routes of Playwright take 100 MB at most. */
const server = createServer((_, response) => response.writeHead(200, { "access-control-allow-origin": "*" }).end(checkpoint));
let checkpoint: Uint8Array;
test.beforeAll(async () => {
  const { scope } = trainingStep(config);
  checkpoint = encodeModel(parametersFrom(scope, scope.initialValues(0)), { config, step: 0 });
  await once(server.listen(0, "localhost"), "listening");
});
test.afterAll(() => server.close());
const address = (): string => `http://localhost:${(server.address() as AddressInfo).port}/`;

for (const device of long ? ["wasm", "webgl"] : ["wasm"])
  for (const sampler of long ? (["ddim", "ddpm"] as const) : (["ddim"] as const))
    test(`${sampler} draws on ${device} as diffusers does`, async ({ page }) => {
      test.setTimeout(1_800_000);
      const start = Date.now();
      const found = await sampleFrom(page, address(), device, { sampler, steps: 4, spacing: "leading", count: 2, seed: 1 });
      const expected = imagesFromNCHW(Float32Array.from(tensors.get(sampler)!.data), imageShape(config, 2));
      expectSame(found, expected);
      const most = found.reduce((greatest, x, i) => Math.max(greatest, Math.abs(x - expected[i]!) / 2), 0);
      figure(
        `35.7 million parameters on ${device}, ${sampler}: ${(255 * most).toFixed(4)} of 255 from diffusers, ${Math.round((Date.now() - start) / 1000)} s`,
      );
    });
