import { decode } from "../src/safetensors.ts";
import { golden } from "./golden.ts";

/** The recorded parameters of a PyTorch model, as a state dict. */
export const stateDict = (name: string): Map<string, { shape: readonly number[]; data: Float32Array }> =>
  new Map(
    [...decode(golden(`${name}.safetensors`)).tensors]
      .filter(([key]) => key.startsWith("param."))
      .map(([key, { shape, data }]) => [key.slice("param.".length), { shape, data: data as Float32Array }]),
  );
