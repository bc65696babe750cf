interface Contender {
  readonly name: string;
  /** The contender that ratios are to: plain tfjs on the same device. */
  readonly plain: ContenderKey;
}

export type ContenderKey = "webgl" | "tfjs-webgl" | "plain-webgl" | "wasm" | "plain-wasm" | "onnx";

/** By the name that `--only` takes, those of a device side by side. */
export const contenders: Readonly<Record<ContenderKey, Contender>> = {
  webgl: { name: "ours webgl", plain: "plain-webgl" },
  "tfjs-webgl": { name: "ours tfjs-webgl", plain: "plain-webgl" },
  "plain-webgl": { name: "plain tfjs-webgl", plain: "plain-webgl" },
  wasm: { name: "ours wasm", plain: "plain-wasm" },
  "plain-wasm": { name: "plain tfjs-wasm", plain: "plain-wasm" },
  onnx: { name: "onnxruntime-web wasm", plain: "plain-wasm" },
};

export const contenderKeys = Object.keys(contenders) as ContenderKey[];
