import type { Numbers } from "@ddpm/core";

/** Values in [-1, 1] as bytes 0 to 255; what lies outside is clamped. A quarter of the memory of floats, and all that a screen shows. */
export const toBytes = (values: Numbers): Uint8ClampedArray<ArrayBuffer> => Uint8ClampedArray.from(values, (x) => Math.round((x + 1) * 127.5));
