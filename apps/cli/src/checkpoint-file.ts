import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { type Config, checkModel, configure, decodeModel, inferModel, type Numbers, presets, valuesOf } from "@ddpm/core";
import { unreadable } from "./missing-file.ts";

export interface Checkpoint {
  readonly path: string;
  readonly config: Config;
  readonly parameters: ReadonlyMap<string, Numbers>;
  readonly step: number | undefined;
  /** Whether the file carries its configuration; one from Python does not. */
  readonly ours: boolean;
}

/**
 * Reads a checkpoint file or a run folder. `flags` fill in what a file from Python cannot tell, and must not contradict what a file says;
 * `image` is the size to draw at, which any file allows.
 */
export async function readCheckpoint(place: string, flags: Partial<Config> = {}, image: Partial<Config> = {}): Promise<Checkpoint> {
  const { path, bytes } = await checkpointBytes(place);
  try {
    return { path, ...decoded(bytes, flags, image) };
  } catch (error) {
    throw new SyntaxError(`${path}: ${(error as Error).message}`, { cause: error });
  }
}

function decoded(bytes: Uint8Array, flags: Partial<Config>, image: Partial<Config>): Omit<Checkpoint, "path"> {
  const { parameters, metadata } = decodeModel(bytes);
  const known: Partial<Config> = metadata?.config ?? inferModel(parameters);
  for (const [key, value] of Object.entries(flags) as [keyof Config, unknown][]) {
    const own = JSON.stringify(known[key]);
    if (own !== undefined && own !== JSON.stringify(value))
      throw new RangeError(`Expected ${key} ${own} as in the checkpoint but found ${JSON.stringify(value)}; leave it out`);
  }
  const config = configure(presets.notebook, known, flags, image);
  if (!metadata && config["model.block"] === "resnet" && flags["model.groups"] === undefined) {
    throw new TypeError(
      "Expected --model.groups since the file does not tell it (it comes from elsewhere) but found none; add it: the notebook's models have 1",
    );
  }
  checkModel(parameters, config);
  return { config, parameters: valuesOf(parameters), step: metadata?.step, ours: metadata !== undefined };
}

/** The bytes of a checkpoint that is given as a file or as a run folder, and the file that they are in. Throws where none can be read. */
export async function checkpointBytes(place: string): Promise<{ path: string; bytes: Uint8Array }> {
  const path = await modelFile(place);
  try {
    return { path, bytes: await readFile(path) };
  } catch (error) {
    const inFolder = path !== place && (error as NodeJS.ErrnoException).code === "ENOENT";
    const { found, advice } = inFolder
      ? { found: "a folder without model.safetensors", advice: "give the --out of a training that has saved, or a .safetensors file" }
      : unreadable(path, error as NodeJS.ErrnoException, "give a .safetensors file or a run folder");
    throw new Error(`Expected a checkpoint at ${place} but found ${found}; ${advice}`, { cause: error });
  }
}

/** The file of a checkpoint that is given as such or as a run folder. */
async function modelFile(place: string): Promise<string> {
  const entry = await stat(place).catch(() => undefined);
  return entry?.isDirectory() ? join(place, "model.safetensors") : place;
}
