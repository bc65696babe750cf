import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { tfjs } from "@ddpm/backend-tfjs";
import { type Backend, type Config, reference } from "@ddpm/core";
import { oneOf } from "@ddpm/core/config";
import { loadTfjsNode } from "./addon.ts";
import { TensorFlowMissingError } from "./library.ts";
import { type TensorFlowOptions, tensorflow } from "./tensorflow/engine.ts";

/** All devices of Node. */
export const deviceNames = ["tensorflow", "tensorflow:cpu", "tensorflow:cuda", "tfjs-node", "wasm", "cpu", "reference"] as const;
/** One of the devices. */
export type DeviceName = (typeof deviceNames)[number];

/** What a device is opened for, and how. */
export interface DeviceOptions {
  readonly purpose: "train" | "sample";
  readonly dtype: Config["train.dtype"];
  /** Of one operation; all cores unless given. */
  readonly threads?: number | undefined;
  /** Whether operations must give the same bits each time, as they do anyway on the CPU. For the whole process, from the first device on. */
  readonly deterministic?: boolean | undefined;
  /** The workers of which this process is one: on TensorFlow alone. */
  readonly cluster?: TensorFlowOptions["cluster"];
  /** Told in one line where another device steps in. */
  readonly say: (line: string) => void;
}

type Open = (options: DeviceOptions) => Promise<Backend>;

const devices: { readonly [D in DeviceName]: Open } = {
  tensorflow: (options) => tensorflow({ device: "auto", ...options }),
  "tensorflow:cpu": (options) => tensorflow({ device: "cpu", ...options }),
  "tensorflow:cuda": (options) => tensorflow({ device: "cuda", ...options }),
  "tfjs-node": async () => tfjs((await loadTfjsNode()) as never, { name: "tfjs-node (TensorFlow op by op)" }),
  wasm,
  cpu: async () => {
    const tf = await quietTfjs();
    await tf.setBackend("cpu");
    return tfjs(tf as never, { name: "tfjs in plain JavaScript" });
  },
  reference: async () => reference(),
};

/**
 * Opens a device by name. Without TensorFlow, sampling falls back to wasm and says so; training throws the error that names the remedy.
 * Throws a TypeError for an unknown name, for training on wasm, and for bf16 elsewhere than on TensorFlow.
 */
export async function openDevice(name: string, options: DeviceOptions): Promise<Backend> {
  const device = oneOf(deviceNames, name as DeviceName, "device");
  if (options.dtype === "bf16" && !name.startsWith("tensorflow"))
    throw new TypeError(`Expected --device tensorflow for bf16 but found ${name}; choose it, or leave --dtype out`);
  if (options.cluster && !name.startsWith("tensorflow"))
    throw new TypeError(`Expected --device tensorflow for several workers but found ${name}; choose it`);
  try {
    const backend = await devices[device](options);
    const doubt = options.dtype === "bf16" && doubtOfBf16(backend);
    if (doubt) options.say(doubt);
    return backend;
  } catch (error) {
    if (!(error instanceof TensorFlowMissingError) || name !== "tensorflow" || options.purpose === "train" || options.cluster) throw error;
    options.say(`${error.message}. Sampling on wasm instead`);
    return devices.wasm(options);
  }
}

async function wasm({ purpose }: DeviceOptions): Promise<Backend> {
  if (purpose === "train")
    throw new TypeError(
      "Expected a device that trains but found wasm, which lacks the gradients of convolutions; use --device cpu, or tensorflow after npx ddpm setup",
    );
  const tf = await quietTfjs();
  const { setWasmPaths } = await import("@tensorflow/tfjs-backend-wasm");
  const folder = dirname(createRequire(import.meta.url).resolve("@tensorflow/tfjs-backend-wasm"));
  setWasmPaths(`${folder}/`);
  if (!(await tf.setBackend("wasm"))) throw new Error(`Expected tfjs's wasm backend to start from ${folder} but it did not; use --device cpu`);
  return tfjs(tf as never, { name: "tfjs on WebAssembly" });
}

/** Why bf16 gains nothing on a device, where it does not: what makes products bf16 is a rewrite for the CPU's oneDNN. */
export function doubtOfBf16({ name }: Pick<Backend, "name">): string | undefined {
  if (name.endsWith("GPU")) return "bf16 is for the CPU: on a GPU products stay float32; leave --dtype out";
  return isIntelWithoutAmx() ? "bf16 is slower than float32 on this CPU: of Intel's, only those with AMX gain by it" : undefined;
}

function isIntelWithoutAmx(): boolean {
  const facts = existsSync("/proc/cpuinfo") ? readFileSync("/proc/cpuinfo", "utf8") : "";
  return facts.includes("GenuineIntel") && !facts.includes("amx_bf16");
}

/** tfjs without its advertisement of tfjs-node. */
async function quietTfjs() {
  const tf = await import("@tensorflow/tfjs");
  tf.enableProdMode();
  return tf;
}
