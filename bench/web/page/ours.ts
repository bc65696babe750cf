import { openDevice } from "@ddpm/backend-web";
import type { Backend, Program, State } from "@ddpm/core";
import { getThreadsCount } from "@tensorflow/tfjs-backend-wasm";
import { imagesIn, parameters, predictionStep } from "../model.ts";
import type { Forward, Start } from "./contender.ts";
import { tfjsWasm } from "./files.ts";

/** A device of ours through its public interface, which leaves wasm's threads to tfjs. */
export async function ours(device: string, threads: number): Promise<Start> {
  const { values } = parameters();
  const wasmPaths = await tfjsWasm(threads);
  return async () => {
    const forward = predictor(await openDevice(device, { wasmPaths }), values);
    return device === "wasm" ? { forward, threads: getThreadsCount() } : { forward };
  };
}

/** A program for each number of images, compiled when it is first asked for. */
function predictor(backend: Backend, weights: State): Forward {
  const programs = new Map<number, Program>();
  return async (x, t) => {
    const images = imagesIn(x);
    const program = programs.get(images) ?? (await backend.compile(predictionStep(images), weights));
    programs.set(images, program);
    const { prediction } = await program.run({ x, t: Int32Array.of(t) });
    return prediction!;
  };
}
