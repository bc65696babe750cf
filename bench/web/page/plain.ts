import * as tf from "@tensorflow/tfjs";
import { getThreadsCount, setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import { notebook, unet } from "../../tfjs/unet.ts";
import { Weights } from "../../tfjs/weights.ts";
import { imagesIn, parameters } from "../model.ts";
import type { Forward, Start } from "./contender.ts";
import { tfjsWasm } from "./files.ts";

/** tfjs as its users run it, op by op and with its own defaults, but for wasm's threads and letting software draw WebGL. */
export async function plain(device: "webgl" | "wasm", threads: number): Promise<Start> {
  const { values } = parameters();
  setWasmPaths(await tfjsWasm(threads));
  return async () => {
    tf.env().set("SOFTWARE_WEBGL_ENABLED", true);
    if (!(await tf.setBackend(device))) throw new Error(`Expected tfjs to start on ${device}`);
    const forward = predictor(values);
    return device === "wasm" ? { forward, threads: getThreadsCount() } : { forward };
  };
}

function predictor(values: ReadonlyMap<string, Float32Array>): Forward {
  const model = unet(tf, notebook, new Weights(tf, values));
  return async (x, t) => {
    const images = imagesIn(x);
    const prediction = tf.tidy(() => model(tf.tensor4d(x, [images, 28, 28, 1]), tf.fill([images], t, "int32")));
    const found = await prediction.data();
    prediction.dispose();
    return found;
  };
}
