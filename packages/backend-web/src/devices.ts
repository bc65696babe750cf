import { tfjs } from "@ddpm/backend-tfjs";
import type { Backend } from "@ddpm/core";
import { oneOf } from "@ddpm/core/config";
import * as tf from "@tensorflow/tfjs-core";
import { forgetLost, losable, tfjsContext, Watch } from "./lost.ts";
import { planned } from "./planned/device.ts";
import { Gpu } from "./planned/gl.ts";
import { renderer } from "./renderer.ts";
import { cosine, sine } from "./sine.ts";

/** `webgl` draws images in a few fused passes and leaves the rest to `tfjs-webgl`, which runs every graph op by op. */
export const deviceNames = ["webgl", "tfjs-webgl", "wasm", "webgpu", "cpu"] as const;
export type DeviceName = (typeof deviceNames)[number];

export interface DeviceOptions {
  /** Where the .wasm files of @tensorflow/tfjs-backend-wasm are: their folder with a slash at its end, or the address of each by its name. */
  readonly wasmPaths?: string | Readonly<Record<string, string>>;
  /** Told how many shaders of how many `webgl` has compiled for a program. */
  readonly compiling?: (done: number, of: number) => void;
}

export interface Choice {
  readonly device: DeviceName;
  /** Why, in a sentence for people. */
  readonly reason: string;
}

/** The device that is likely the fastest here; `training` rules out wasm, which lacks the gradients of convolutions. */
export function chooseDevice({ training = false } = {}): Choice {
  const found = renderer();
  if (!found)
    return training ? { device: "cpu", reason: "no WebGL2 that computes here" } : { device: "wasm", reason: "no WebGL2 that computes here" };
  if (found.software && !training)
    return { device: "wasm", reason: `WebGL is drawn by a CPU here (${found.name}), and WebAssembly is quicker on that` };
  const precision = found.float32 ? "" : "; its textures hold half floats only, so pictures are less exact";
  return { device: "webgl", reason: `${found.name}${precision}` };
}

type Open = (options: DeviceOptions) => Promise<Backend>;

const devices: { readonly [D in DeviceName]: Open } = {
  webgl: async ({ compiling }) => {
    const gpu = new Gpu(rest);
    const name = `WebGL2 in ${gpu.float32 ? "float32" : "half floats"}`;
    return planned(gpu, { name, watch: new Watch(gpu.gl), general: () => openDevice("tfjs-webgl"), compiling });
  },
  "tfjs-webgl": async () => {
    await import("@tensorflow/tfjs-backend-webgl");
    forgetLost();
    tf.env().set("SOFTWARE_WEBGL_ENABLED", true); // let software draw too
    tf.env().set("WEBGL_CPU_FORWARD", false); // compute small tensors where the others are
    const opened = await byTfjs("webgl", { replaced: { sin: sine, cos: cosine } });
    return losable(opened, new Watch(tfjsContext()));
  },
  wasm: async ({ wasmPaths }) => {
    const { setWasmPaths } = await import("@tensorflow/tfjs-backend-wasm");
    if (wasmPaths) setWasmPaths(wasmPaths);
    return byTfjs("wasm");
  },
  webgpu: async () => {
    await import("@tensorflow/tfjs-backend-webgpu");
    return byTfjs("webgpu");
  },
  cpu: async () => {
    await import("@tensorflow/tfjs-backend-cpu");
    return byTfjs("cpu");
  },
};

async function byTfjs(name: string, options = {}): Promise<Backend> {
  tf.enableProdMode();
  const opened = await tf.setBackend(name).catch(() => false);
  if (!opened) throw new Error(`Expected this browser to have ${name} but it does not start; choose another device among ${deviceNames.join(", ")}`);
  return tfjs(tf, { name: `tfjs on ${name}`, pause, ...options });
}

/** Opens a device by name; its programs throw DeviceLost where the browser takes WebGL's context away. Throws a TypeError for an unknown name, an Error where the browser does not have it. */
export async function openDevice(name: string, options: DeviceOptions = {}): Promise<Backend> {
  const device = oneOf(deviceNames, name as DeviceName, "device");
  return devices[device](options);
}

/** A turn of the event loop, without the delay of nested timers. */
function pause(): Promise<void> {
  const { port1, port2 } = new MessageChannel();
  return new Promise((resolve) => {
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}

/** A millisecond that leaves the CPU to whatever draws; the turn after it keeps the browser from stretching the next to four. */
async function rest(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 1));
  await pause();
}
