import { type Config, configure } from "@ddpm/core";
import { defaults, nearestSizes, sizeDivisor } from "@ddpm/core/config";
import type { Axis, Census } from "./census.ts";
import type { Size } from "./source.ts";

/** What is asked for; the rest is the data's. */
export interface SizeWish {
  readonly height?: number | undefined;
  readonly width?: number | undefined;
  /** 1 for grey, 3 for colour. */
  readonly channels?: number | undefined;
  /** Levels of the U-Net, which say what sizes have to be divisible by. */
  readonly levels?: number | undefined;
}

/** The size of what a configuration's model draws, as a wish. */
export const sizeOf = (config: Config) => ({ height: config["data.height"], width: config["data.width"], channels: config["model.channels"] });

/** What flags ask for, and what they leave at its default. Throws a SyntaxError where they ask for a size that the levels do not allow. */
export function wishOf(flags: Partial<Config>) {
  const { "data.height": height, "data.width": width, "model.channels": channels, "model.dimMults": asked } = flags;
  const side = sizeDivisor((asked ?? defaults["model.dimMults"]).length); // is allowed, and stands for what the data will say
  const { "data.crop": crop, "model.dimMults": dimMults } = configure({ "data.height": side, "data.width": side }, flags);
  return { height, width, channels: requireChannels(channels), levels: dimMults.length, crop, dimMults };
}

/** A size that trains on a CPU, suggested where images have larger ones. */
const usual = 64;

interface SizeChoice {
  readonly size: Size;
  /** Axes along which images differ, so that a person has to choose; `size` has what we suggest. */
  readonly missing: readonly Axis[];
  /** Whether all images have one other size, which the levels do not allow. */
  readonly rounded: boolean;
}

/** The size to train at: as asked for, else the images' own, or the next below that the levels allow. Throws a RangeError for channels other than 1 or 3. */
export function sizeFor(found: Census, { height, width, channels, levels = 1 }: SizeWish): SizeChoice {
  const asked = { height, width };
  const allowed = (side: number): number => nearestSizes(side, levels)[0]!;
  const suggested = allowed(height ?? width ?? Math.min(found.shortSide, usual));
  const open = (["height", "width"] as const).filter((axis) => asked[axis] === undefined);
  const missing = open.filter((axis) => found.range(axis)[0] < found.range(axis)[1]);
  const side = (axis: Axis): number => asked[axis] ?? (missing.includes(axis) ? suggested : allowed(found.range(axis)[0]));
  const size = { height: side("height"), width: side("width"), channels: requireChannels(channels) ?? (found.colour > 0 ? 3 : 1) } as const;
  return { size, missing, rounded: open.some((axis) => !missing.includes(axis) && size[axis] !== found.range(axis)[0]) };
}

/** What images can have. */
export function requireChannels(channels: number | undefined): Size["channels"] | undefined {
  if (channels === undefined || channels === 1 || channels === 3) return channels;
  throw new RangeError(`Expected 1 or 3 channels of images but found ${channels}; choose 1 for grey or 3 for colour`);
}

/** The flags that choose what is missing. */
export const sizeFlags = (missing: readonly Axis[], size: Size): string => missing.map((axis) => `--data.${axis} ${size[axis]}`).join(" ");
