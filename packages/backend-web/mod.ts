/** Devices for the browser: WebGL in a few fused passes, and WebGL, WebAssembly, WebGPU and plain JavaScript op by op through tfjs. */

export { type Choice, chooseDevice, type DeviceName, type DeviceOptions, deviceNames, openDevice } from "./src/devices.ts";
export { type Renderer, renderer } from "./src/renderer.ts";
