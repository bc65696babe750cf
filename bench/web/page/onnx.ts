import { imagesIn } from "../model.ts";
import type { Forward, Start } from "./contender.ts";
import { bytes } from "./files.ts";

interface Session {
  run(feeds: Readonly<Record<string, unknown>>): Promise<Readonly<Record<string, { readonly data: Float32Array }>>>;
}

/** What is used here of onnxruntime-web. */
interface Ort {
  readonly env: { readonly wasm: { numThreads?: number; wasmBinary?: ArrayBuffer } };
  readonly InferenceSession: { create(model: Uint8Array, options: { readonly executionProviders: readonly string[] }): Promise<Session> };
  readonly Tensor: new (data: Float32Array | BigInt64Array, dims: readonly number[]) => unknown;
}

/** Loaded as it is, since its threads load the same file. */
const runtime = "/ort/ort.wasm.bundle.min.mjs";

/** onnxruntime-web on WebAssembly. */
export async function onnx(threads: number): Promise<Start> {
  const ort: Ort = await import(runtime);
  Object.assign(ort.env.wasm, { numThreads: threads, wasmBinary: await bytes("/ort/ort-wasm-simd-threaded.wasm") });
  const model = new Uint8Array(await bytes("/model.onnx"));
  return async () => {
    const session = await ort.InferenceSession.create(model, { executionProviders: ["wasm"] });
    return { forward: predictor(ort, session), threads: ort.env.wasm.numThreads! };
  };
}

/** With one channel, [images, 28, 28, 1] is [images, 1, 28, 28]. */
function predictor(ort: Ort, session: Session): Forward {
  return async (x, t) => {
    const images = imagesIn(x);
    const times = new BigInt64Array(images).fill(BigInt(t));
    const { eps } = await session.run({ x: new ort.Tensor(x, [images, 1, 28, 28]), t: new ort.Tensor(times, [images]) });
    return eps!.data;
  };
}
