// Holds the model and draws with it, so that the page stays smooth
import { chooseDevice, openDevice } from "@ddpm/backend-web";
import { type Backend, type Config, checkModel, compileSampler, decodeModel, imageShape, type Numbers, size, valuesOf } from "@ddpm/core";
import plain from "@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm.wasm?url";
import simd from "@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url";
import threaded from "@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-threaded-simd.wasm?url";
import type { Reply, Request, Settings } from "./protocol.ts";

interface Model {
  readonly config: Config;
  readonly parameters: ReadonlyMap<string, Numbers>;
}

const wasmPaths = {
  "tfjs-backend-wasm.wasm": plain,
  "tfjs-backend-wasm-simd.wasm": simd,
  "tfjs-backend-wasm-threaded-simd.wasm": threaded,
};
const say = (reply: Reply, transfer: Transferable[] = []): void => self.postMessage(reply, { transfer });

let model: Model | undefined;
let backend: { readonly device: string; readonly opened: Backend } | undefined;
let paused = false;
let cancelled = false;

self.onmessage = ({ data: request }: MessageEvent<Request>): void => {
  if (request.kind === "load") load(request.name, new Uint8Array(request.bytes));
  if (request.kind === "pause") paused = request.paused;
  if (request.kind === "cancel") cancelled = true;
  if (request.kind === "draw") draw(request.settings).catch((error: Error) => say({ kind: "failed", message: error.message }));
};

/** Takes a checkpoint in place of the present one, which stays where the new one is no good. */
function load(name: string, bytes: Uint8Array): void {
  try {
    const { parameters, metadata } = decodeModel(bytes);
    if (!metadata) throw new TypeError("Expected a checkpoint of ddpm train but its configuration is missing; open one from Python with ddpm sample");
    checkModel(parameters, metadata.config);
    model = { config: metadata.config, parameters: valuesOf(parameters) };
    const count = [...parameters.values()].reduce((n, { shape }) => n + size(shape), 0);
    say({ kind: "loaded", name, config: metadata.config, parameters: count, trained: metadata.step });
  } catch (error) {
    say({ kind: "refused", message: `${name}: ${(error as Error).message}` });
  }
}

async function draw({ device, sampler, steps, eta, count, seed, clip }: Settings): Promise<void> {
  if (!model) throw new TypeError("Expected a model to draw with but none is loaded");
  [paused, cancelled] = [false, false];
  const { config, parameters } = model;
  const options = { sampler, batch: count, steps, clip, ...(sampler === "ddim" && { eta }) };
  await using compiled = await compileSampler(await open(device), config, parameters, options);
  for await (const { step, steps, x, x0 } of compiled.draw({ seed })) {
    const images = { shape: imageShape(config, count), x: Float32Array.from(await x()), x0: Float32Array.from(await x0()) };
    say({ kind: "step", step, steps, images }, [images.x.buffer, images.x0.buffer]);
    do await new Promise((resolve) => setTimeout(resolve, paused ? 50 : 0));
    while (paused && !cancelled);
    if (cancelled) return say({ kind: "cancelled" });
  }
  say({ kind: "done" });
}

async function open(asked: string): Promise<Backend> {
  const choice = asked === "auto" ? chooseDevice() : { device: asked, reason: "chosen by hand" };
  if (backend?.device !== choice.device) {
    await backend?.opened[Symbol.asyncDispose]();
    backend = { device: choice.device, opened: await openDevice(choice.device, { wasmPaths }) };
  }
  say({ kind: "device", ...choice });
  return backend.opened;
}
