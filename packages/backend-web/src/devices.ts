import { tfjs } from "@ddpm/backend-tfjs";
import type { Backend } from "@ddpm/core";
import * as tf from "@tensorflow/tfjs-core";
import { contextLost, forgetLost, losable } from "./lost.ts";
import { renderer } from "./renderer.ts";
import { cosine, sine } from "./sine.ts";

export const deviceNames = ["webgl", "wasm", "webgpu", "cpu"] as const;
export type DeviceName = (typeof deviceNames)[number];

export interface DeviceOptions {
  /** Where the .wasm files of @tensorflow/tfjs-backend-wasm are: their folder with a slash at its end, or the address of each by its name. */
  readonly wasmPaths?: string | Readonly<Record<string, string>>;
}

export interface Choice {
  readonly device: DeviceName;
  /** Why, in a sentence for people. */
  readonly reason: string;
}

/** The device that is likely the fastest here; `training` rules out wasm, which lacks the gradients of convolutions. */
export function chooseDevice({ training = false } = {}): Choice {
  const found = renderer();
  if (!found) return training ? { device: "cpu", reason: "no WebGL2 here" } : { device: "wasm", reason: "no WebGL2 here" };
  if (found.software && !training)
    return { device: "wasm", reason: `WebGL is drawn by a CPU here (${found.name}), and WebAssembly is quicker on that` };
  const precision = found.float32 ? "" : "; its textures hold half floats only, so pictures are less exact";
  return { device: "webgl", reason: `${found.name}${precision}` };
}

type Open = (options: DeviceOptions) => Promise<unknown>;

/** What brings each tfjs backend into the page; loaded when asked for. */
const backends: { readonly [D in DeviceName]: Open } = {
  webgl: async () => {
    await import("@tensorflow/tfjs-backend-webgl");
    forgetLost();
    tf.env().set("SOFTWARE_WEBGL_ENABLED", true); // let software draw too
    tf.env().set("WEBGL_CPU_FORWARD", false); // compute small tensors where the others are
  },
  wasm: async ({ wasmPaths }) => {
    const { setWasmPaths } = await import("@tensorflow/tfjs-backend-wasm");
    if (wasmPaths) setWasmPaths(wasmPaths);
  },
  webgpu: () => import("@tensorflow/tfjs-backend-webgpu"),
  cpu: () => import("@tensorflow/tfjs-backend-cpu"),
};

/** Opens a device by name; its programs throw DeviceLost where the browser takes WebGL's context away. Throws a TypeError for an unknown name, an Error where the browser does not have it. */
export async function openDevice(name: string, options: DeviceOptions = {}): Promise<Backend> {
  if (!isDevice(name)) throw new TypeError(`Expected a device among ${deviceNames.join(", ")} but found ${name}`);
  tf.enableProdMode();
  await backends[name](options);
  const opened = await tf.setBackend(name).catch(() => false);
  if (!opened) throw new Error(`Expected this browser to have ${name} but it does not start; choose another device among ${deviceNames.join(", ")}`);
  if (name !== "webgl") return tfjs(tf, { name: `tfjs on ${name}`, pause });
  return losable(tfjs(tf, { name: `tfjs on ${name}`, pause, replaced: { sin: sine, cos: cosine } }), contextLost());
}

const isDevice = (name: string): name is DeviceName => (deviceNames as readonly string[]).includes(name);

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
