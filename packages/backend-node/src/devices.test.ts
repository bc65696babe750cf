import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";
import { loadTfjsNode } from "./addon.ts";
import { type DeviceOptions, doubtOfBf16, openDevice } from "./devices.ts";
import { checkPlatform } from "./install.ts";
import { findTensorFlow } from "./library.ts";
import { tensorflow } from "./tensorflow/engine.ts";

const options: DeviceOptions = { purpose: "sample", dtype: "float32", say: () => {} };

test("a device that is none is told with those that are", () =>
  assert.rejects(openDevice("gpu", options), {
    name: "TypeError",
    message: /Expected device to be one of tensorflow, .*, reference but found gpu$/,
  }));

test("a machine without TensorFlow, or for which there is none, is told what to do", () => {
  assert.throws(() => findTensorFlow({ path: "", places: [] }), {
    name: "TensorFlowMissingError",
    message: "Expected TensorFlow but found none; install it with npx ddpm setup, or sample on --device wasm",
  });
  checkPlatform("linux on x64");
  assert.throws(() => checkPlatform("darwin on arm64"), /Expected Linux on x64 for TensorFlow but found darwin on arm64; choose --device wasm/);
});

test("a package of tfjs-node that is not installed, or does not load, is told", async () => {
  await assert.rejects(
    loadTfjsNode("@tensorflow/none"),
    /Expected the package @tensorflow\/none but it is not installed; run npm install --ignore-scripts @tensorflow\/none and npx ddpm setup, or use/,
  );
  await assert.rejects(
    loadTfjsNode("data:text/javascript,throw new Error('No addon')"),
    /Expected the addon of data:.+ but it did not load \(No addon\); run npx ddpm setup on a machine/,
  );
});

test("several workers need TensorFlow", async () => {
  const cluster = { plan: { addresses: ["127.0.0.1:1", "127.0.0.1:2"], rank: 0 }, patience: { start: 1, silence: 1, say: () => {} } };
  await assert.rejects(
    openDevice("wasm", { purpose: "sample", dtype: "float32", say: () => {}, cluster }),
    /Expected --device tensorflow for several workers but found wasm; choose it/,
  );
});

test("a Node without WebAssembly is told", async () => {
  const program = `
    const { openDevice } = await import(${JSON.stringify(new URL("devices.ts", import.meta.url).href)});
    await openDevice("wasm", { purpose: "sample", dtype: "float32", say: () => {} }).catch(({ message }) => console.log(message));`;
  const { stdout } = await promisify(execFile)(process.execPath, ["--jitless", "--import", "tsx", "--input-type=module", "--eval", program]);
  assert.match(stdout, /Expected tfjs's wasm backend to start from .* but it did not; use --device cpu\n$/);
});

test("bf16 is doubted on a GPU, where nothing becomes bf16", () => {
  assert.match(doubtOfBf16({ name: "TensorFlow 2.21.0 on the GPU" })!, /on a GPU products stay float32; leave --dtype out$/);
});

test("a GPU that is not there is told", async () => {
  process.env["CUDA_VISIBLE_DEVICES"] = "-1";
  await assert.rejects(tensorflow({ device: "cuda" }), /Expected a GPU for tensorflow:cuda but TensorFlow sees none; run npx ddpm doctor, or use/);
});
