/** Devices for Node: TensorFlow whole graph at once, tfjs op by op. */
export { type TensorFlowOptions, tensorflow } from "./src/tensorflow/engine.ts";
