/** Devices for Node: TensorFlow whole graph at once, tfjs op by op. */

export { buildAddon } from "./src/addon.ts";
export { type DeviceName, type DeviceOptions, deviceNames, openDevice } from "./src/devices.ts";
export { type DiagnosisOptions, diagnose } from "./src/diagnosis/diagnosis.ts";
export type { Finding } from "./src/diagnosis/finding.ts";
export { askDriver, cardCount } from "./src/diagnosis/nvidia.ts";
export { type InstallOptions, installTensorFlow } from "./src/install.ts";
export { cacheFolder, findTensorFlow, type TensorFlowLibrary, TensorFlowMissingError } from "./src/library.ts";
export { freeAddresses } from "./src/tensorflow/addresses.ts";
export { exitNow } from "./src/tensorflow/c-api.ts";
export { type Patience, WorkersParted } from "./src/tensorflow/cluster.ts";
export { type TensorFlowOptions, tensorflow } from "./src/tensorflow/engine.ts";
export type { ClusterPlan } from "./src/tensorflow/protobuf.ts";
export { type Flavour, type Wheel, wheels } from "./src/wheels.ts";
