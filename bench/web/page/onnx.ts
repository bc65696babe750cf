import type * as Ort from "onnxruntime-web";
import { imagesIn } from "../model.ts";
import type { Forward, Start } from "./contender.ts";
import { bytes } from "./files.ts";

/** Loaded as it is, since its threads load the same file. */
const runtime = "/ort/ort.wasm.bundle.min.mjs";

/** onnxruntime-web on WebAssembly. */
export async function onnx(threads: number): Promise<Start> {
  const ort: typeof Ort = await import(runtime);
  Object.assign(ort.env.wasm, { numThreads: threads, wasmBinary: await bytes("/ort/ort-wasm-simd-threaded.wasm") });
  const model = new Uint8Array(await bytes("/model.onnx"));
  return async () => {
    const session = await ort.InferenceSession.create(model, { executionProviders: ["wasm"] });
    return { forward: predictor(ort, session), threads: ort.env.wasm.numThreads! };
  };
}

/** With one channel, [images, 28, 28, 1] is [images, 1, 28, 28]. */
function predictor(ort: typeof Ort, session: Ort.InferenceSession): Forward {
  return async (x, t) => {
    const images = imagesIn(x);
    const times = new BigInt64Array(images).fill(BigInt(t));
    const { eps } = await session.run({ x: new ort.Tensor(x, [images, 1, 28, 28]), t: new ort.Tensor(times, [images]) });
    return eps!.data as Float32Array;
  };
}
