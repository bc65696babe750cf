/** The U-Nets to choose from, and the configuration keys that only some of them have. */
import type { ConfigKey } from "./config.ts";

/** All U-Nets to choose from. */
export const architectureNames = ["notebook", "ddpm", "annotated"] as const;
/** One of the U-Nets. */
export type ArchitectureName = (typeof architectureNames)[number];

/** Keys that describe only the architectures named. */
export const ownKeys = {
  "model.block": ["notebook"],
  "model.blocks": ["ddpm"],
  "model.attention": ["ddpm"],
  "model.headDim": ["ddpm"],
  "model.normEps": ["ddpm"],
  "model.downsamplePadding": ["ddpm"],
  "model.freqShift": ["ddpm"],
  "model.flipSinToCos": ["ddpm"],
} as const satisfies Partial<Record<ConfigKey, readonly ArchitectureName[]>>;

/** Keys that names and shapes of an architecture's parameters do not tell. */
export const untoldKeys = {
  notebook: ["model.groups"],
  ddpm: ["model.groups", "model.headDim", "model.normEps", "model.downsamplePadding", "model.freqShift", "model.flipSinToCos"],
  annotated: ["model.groups"],
} as const satisfies Record<ArchitectureName, readonly ConfigKey[]>;
