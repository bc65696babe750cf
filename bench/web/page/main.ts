// What Node calls inside the page: one contender, from nothing to its passes
import type { ContenderKey } from "../contenders.ts";
import { noise } from "../model.ts";
import type { Start, Started } from "./contender.ts";
import { type Work, watch } from "./webgl.ts";

const look = watch(WebGL2RenderingContext.prototype);

export interface Ask {
  readonly images: number;
  readonly t: number;
}

/** A forward pass: its duration, what it found and what it asked of WebGL. */
export interface Pass extends Work {
  readonly seconds: number;
  readonly prediction: readonly number[];
  /** Threads of WebAssembly. */
  readonly threads?: number;
}

const ours = (device: string) => async () => (await import("./ours.ts")).ours(device);
const plain = (device: "webgl" | "wasm") => async () => (await import("./plain.ts")).plain(device);

const contenders: Readonly<Record<ContenderKey, () => Promise<Start>>> = {
  webgl: ours("webgl"),
  "tfjs-webgl": ours("tfjs-webgl"),
  "plain-webgl": plain("webgl"),
  wasm: ours("wasm"),
  "plain-wasm": plain("wasm"),
  onnx: async () => (await import("./onnx.ts")).onnx(),
};

let start: Start;
let started: Started | undefined;

/** Brings a contender's code and weights into memory. */
async function prepare(key: ContenderKey): Promise<void> {
  start = await contenders[key]();
}

/** A pass; the first one makes the device ready, too. */
async function pass({ images, t }: Ask): Promise<Pass> {
  const x = noise(images);
  look();
  const begin = performance.now();
  started ??= await start();
  const found = await started.forward(x, t);
  const seconds = (performance.now() - begin) / 1e3;
  const { threads } = started;
  return { seconds, prediction: Array.from(found), ...(threads && { threads }), ...look() };
}

export interface Facts {
  readonly renderer: string;
  readonly isolated: boolean;
}

/** What the figures depend on in this browser. */
async function facts(): Promise<Facts> {
  const { renderer } = await import("@ddpm/backend-web");
  return { renderer: renderer()?.name ?? "none", isolated: crossOriginIsolated };
}

const bench = { prepare, pass, facts };
export type Bench = typeof bench;
Object.assign(globalThis, { bench });
