import wheelsFile from "./wheels.json" with { type: "json" };

/** A Python wheel at the package index, by its checksum. */
export interface Wheel {
  readonly name: string;
  readonly version: string;
  readonly file: string;
  readonly sha256: string;
}

/** With CUDA or without. */
export type Flavour = "cpu" | "cuda";

/** The Python wheels that hold TensorFlow and CUDA for Linux on x86-64, with the checksums that PyPI publishes; scripts/wheels.mjs writes them. */
export const wheels: { readonly [F in Flavour]: readonly Wheel[] } = wheelsFile;
