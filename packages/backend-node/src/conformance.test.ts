import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, describe, test } from "node:test";
import { reference } from "@ddpm/core";
import { cases, Replay, relative } from "@ddpm/core/conformance";
import { loadTfjsNode } from "./addon.ts";
import { openDevice } from "./devices.ts";
import { askDriver, hasCards } from "./diagnosis/nvidia.ts";

const goldenFile = (name: string): Uint8Array => readFileSync(new URL(`../../core/fixtures/${name}.safetensors`, import.meta.url));

/** Why a device cannot be tested on this machine. */
const away: { readonly [device: string]: string | undefined } = {
  "tfjs-node": await loadTfjsNode().then(
    () => undefined,
    () => "its addon is not built: there was no C++ compiler",
  ),
  "tensorflow:cuda": hasCards(askDriver()) ? undefined : "no GPU of NVIDIA's is here",
};

for (const device of ["tensorflow:cpu", "tensorflow:cuda", "tfjs-node", "cpu", "wasm"] as const) {
  describe(`device ${device}`, { skip: away[device] ?? false }, async () => {
    const trains = device !== "wasm";
    const backend = await openDevice(device, { purpose: "sample", dtype: "float32", say: () => {} });
    after(() => backend[Symbol.asyncDispose]());

    for (const { name, step, state, feeds, trains: needsGradients } of cases) {
      if (needsGradients && !trains) continue; // not a skip: DESIGN asks wasm, which lacks Conv2DBackpropFilter, for sampling only
      test(`${name} as the reference`, async () => {
        await using expected = await reference().compile(step, state);
        await using program = await backend.compile(step, state);
        const [outputs, expectedOutputs] = [await program.run(feeds), await expected.run(feeds)];
        const found = new Map([...Object.entries(outputs), ...(await program.read())]);
        for (const [name, values] of [...Object.entries(expectedOutputs), ...(await expected.read())]) {
          const error = relative(found.get(name)!, values);
          assert.ok(error < 1e-4, `${name}: ${error}`);
        }
      });
    }

    for (const name of ["unet-resnet", "unet-convnext", "unet-rgb", "ddpm-unet", "ddpm-unet-heads", "annotated-unet"]) {
      test(`${name} as PyTorch`, async () => {
        const replay = new Replay(goldenFile(name));
        const errors = {
          ...(await replay.forward(backend)),
          ...(await replay.sample(backend)),
          ...(trains && (device !== "cpu" || name === "unet-rgb") && (await gradientsAndTraining(replay, backend))),
        };
        const limits = { eps: 1e-4, losses: 1e-5, gradients: 1e-4, sample: 1e-3, training: 1e-5, after: 1e-4 };
        for (const [what, error] of Object.entries(errors)) assert.ok(error < limits[what as keyof typeof limits], `${what}: ${error}`);
      });
    }
  });
}

const gradientsAndTraining = async (replay: Replay, backend: Parameters<Replay["training"]>[0]) => ({
  ...(await replay.gradients(backend)),
  ...(await replay.training(backend)),
});
