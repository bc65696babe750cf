import { createRequire } from "node:module";

/** A Python wheel at the package index, by its checksum. */
export interface Wheel {
  readonly name: string;
  readonly version: string;
  readonly file: string;
  readonly sha256: string;
}

/** With CUDA or without. */
export type Flavour = "cpu" | "cuda";

type Wheels = { readonly [F in Flavour]: readonly Wheel[] };

/** The Python wheels that hold TensorFlow and CUDA for Linux on x86-64, with the checksums that PyPI publishes; scripts/wheels.mjs writes them. */
export const wheels: Wheels = createRequire(import.meta.url)("#wheels.json") as Wheels;
