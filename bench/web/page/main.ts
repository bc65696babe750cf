// What Node calls inside the page: one contender, from nothing to its passes
import type { ContenderKey } from "../contenders.ts";
import { noise } from "../model.ts";
import type { Start, Started } from "./contender.ts";
import { type Work, watch } from "./webgl.ts";

const look = watch(WebGL2RenderingContext.prototype);

/** A contender and how many threads it is to use where it runs on WebAssembly. */
export interface Entry {
  readonly key: ContenderKey;
  readonly threads: number;
}

export interface Ask {
  readonly images: number;
  readonly t: number;
  /** Seconds in which the same pass is repeated; once by default. */
  readonly during?: number;
}

/** A forward pass, the mean of the repetitions: its duration, what it found and what it asked of WebGL. */
export interface Pass extends Work {
  readonly seconds: number;
  readonly prediction: readonly number[];
  /** Threads of WebAssembly. */
  readonly threads: number | undefined;
}

type Prepare = (threads: number) => Promise<Start>;

const ours =
  (device: string): Prepare =>
  async (threads) =>
    (await import("./ours.ts")).ours(device, threads);
const plain =
  (device: "webgl" | "wasm"): Prepare =>
  async (threads) =>
    (await import("./plain.ts")).plain(device, threads);

const contenders: Readonly<Record<ContenderKey, Prepare>> = {
  webgl: ours("webgl"),
  "tfjs-webgl": ours("tfjs-webgl"),
  "plain-webgl": plain("webgl"),
  wasm: ours("wasm"),
  "plain-wasm": plain("wasm"),
  onnx: async (threads) => (await import("./onnx.ts")).onnx(threads),
};

let start: Start;
let started: Started | undefined;

/** Brings a contender's code and weights into memory. */
async function prepare({ key, threads }: Entry): Promise<void> {
  start = await contenders[key](threads);
}

/** A pass; the first one makes the device ready, too. */
async function pass({ images, t, during = 0 }: Ask): Promise<Pass> {
  const x = noise(images);
  look();
  const begin = performance.now();
  const elapsed = () => (performance.now() - begin) / 1e3;
  started ??= await start();
  let [prediction, passes]: [ArrayLike<number>, number] = [await started.forward(x, t), 1];
  for (; elapsed() < during; passes++) prediction = await started.forward(x, t);
  const seconds = elapsed() / passes;
  const { draws, ...work } = look();
  return { seconds, prediction: Array.from(prediction), threads: started.threads, draws: draws / passes, ...work };
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
