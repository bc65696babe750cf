import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import {
  type Config,
  checkModel,
  configure,
  type DiffusersJson,
  drawingFrom,
  inferModel,
  modelOf,
  type Numbers,
  type ParameterValue,
  parametersFromDiffusers,
  presets,
  type SchedulerDrawing,
  valuesOf,
} from "@ddpm/core";
import { type ArchitectureName, untoldKeys } from "@ddpm/core/model";
import { decode, type SafetensorsFile } from "@ddpm/core/safetensors";
import { type DiffusersFolder, diffusersFolder } from "./diffusers-folder.ts";
import { unreadable } from "./missing-file.ts";
import { isShardIndex, joined, readShards, type Shards } from "./sharded-weights.ts";

export const checkpointHelp = "a .safetensors file, a run folder or a folder that diffusers saved";

export interface Model {
  /** The file of its weights, or the index of several. */
  readonly path: string;
  readonly config: Config;
  readonly parameters: ReadonlyMap<string, ParameterValue>;
  readonly step: number | undefined;
  /** Whether its files say how it was trained; one of PyTorch's does not. */
  readonly ours: boolean;
  /** How its scheduler in diffusers draws; absent where it has none. */
  readonly drawing?: SchedulerDrawing | undefined;
  /** What of that scheduler says so. */
  readonly scheduler?: DiffusersJson | undefined;
}

export interface Checkpoint extends Omit<Model, "parameters"> {
  readonly parameters: ReadonlyMap<string, Numbers>;
}

/** The bytes of a checkpoint's file, or of those that an index at `path` names, and what JSON files beside it say where diffusers saved it. */
export interface CheckpointBytes {
  readonly path: string;
  readonly files: Shards["files"];
  readonly shardOf?: Shards["shardOf"];
  readonly folder?: DiffusersFolder | undefined;
}

/**
 * Reads a checkpoint file, a run folder or a folder of diffusers. `flags` fill in what a file from Python cannot tell, and must not contradict what a file says;
 * `image` is the size to draw at, which any file allows; diffusers' sample_size allows another by `flags`, too.
 */
export async function readCheckpoint(place: string, flags: Partial<Config> = {}, image: Partial<Config> = {}): Promise<Checkpoint> {
  return checkpointIn(await checkpointBytes(place), flags, image);
}

/** As `readCheckpoint`, of bytes that are read already. */
export function checkpointIn(...args: Parameters<typeof modelIn>): Checkpoint {
  const { parameters, ...model } = modelIn(...args);
  return { ...model, parameters: valuesOf(parameters) };
}

/** As `checkpointIn`, with parameters in the dtype that the file stores them in. */
export function modelIn(read: CheckpointBytes, flags: Partial<Config> = {}, image: Partial<Config> = {}): Model {
  try {
    return { path: read.path, ...modelFrom(read, flags, image) };
  } catch (error) {
    throw new SyntaxError(`${read.path}: ${(error as Error).message}`, { cause: error });
  }
}

/** What the files of a checkpoint hold. Throws a SyntaxError where they are damaged, or no checkpoint's. */
export function decoded({ files, shardOf }: CheckpointBytes): SafetensorsFile {
  if (shardOf) return joined({ files, shardOf });
  const [bytes] = files.values();
  return decode(bytes!);
}

function modelFrom(read: CheckpointBytes, flags: Partial<Config>, image: Partial<Config>): Omit<Model, "path"> {
  const { known, size, parameters, ...told } = toldBy(read);
  for (const [key, value] of Object.entries(flags) as [keyof Config, unknown][]) {
    const own = JSON.stringify(known[key]);
    if (own !== undefined && own !== JSON.stringify(value))
      throw new RangeError(`Expected ${key} ${own} as in the checkpoint but found ${JSON.stringify(value)}; leave it out`);
  }
  const more = { ...size, ...flags, ...image };
  if (size) checkSized(more);
  const config = configure(presets.notebook, known, more);
  if (!told.described) refuseUntold(config, flags);
  checkModel(parameters, config);
  return { config, parameters, ...told };
}

interface Told extends Pick<Model, "parameters" | "step" | "ours" | "drawing" | "scheduler"> {
  readonly known: Partial<Config>;
  /** The size of images where it says one that need not be theirs, or none. */
  readonly size?: Partial<Config>;
  /** Whether the model is known in all, and not from names and shapes alone. */
  readonly described: boolean;
}

function toldBy(read: CheckpointBytes): Told {
  const { folder } = read;
  const { parameters: stored, metadata } = modelOf(decoded(read));
  if (metadata) {
    const { config: known, step, scheduler } = metadata;
    const drawing = scheduler && drawingFrom(scheduler, known);
    return { known, parameters: stored, step, ours: true, described: true, drawing, scheduler };
  }
  const parameters = parametersFromDiffusers(stored); // other files have none of its names
  if (!folder) return { known: inferModel(parameters), parameters, step: undefined, ours: false, described: false };
  const { config, ...drawing } = folder.told();
  const { "data.height": height, "data.width": width, ...known } = config;
  const size = height !== undefined && width !== undefined ? { "data.height": height, "data.width": width } : {};
  return { known, size, parameters, step: undefined, ours: folder.scheduled, described: true, ...drawing };
}

/** Throws a TypeError where neither a file nor flags say how large images are. */
function checkSized(config: Partial<Config>): void {
  const missing = (["data.height", "data.width"] as const).filter((key) => config[key] === undefined).map((key) => `--${key}`);
  if (missing.length > 0)
    throw new TypeError(`Expected ${missing.join(" and ")} since sample_size of diffusers is null but found none; say how large its images are`);
}

/** Throws a TypeError where flags do not say what parameters' names and shapes cannot. */
function refuseUntold({ "model.architecture": architecture, "model.block": block }: Config, flags: Partial<Config>): void {
  const missing = untoldKeys[architecture].filter((key) => flags[key] === undefined).map((key) => `--${key}`);
  if (missing.length === 0 || block === "convnext") return;
  throw new TypeError(
    `Expected ${missing.join(", ")} since the file does not tell it (it comes from elsewhere) but found none; ${usual[architecture]}`,
  );
}

const usual: Readonly<Record<ArchitectureName, string>> = {
  notebook: "add it: the notebook's models have 1",
  ddpm: "add them, or give the folder that diffusers saved, whose config.json tells all",
  annotated: "add it: the annotated diffusion model has 4",
};

/** The bytes of a checkpoint that is given as a file, the index of several, a run folder or a folder of diffusers. Throws where none can be read. */
export async function checkpointBytes(place: string): Promise<CheckpointBytes> {
  const path = await modelFile(place);
  const folder = path !== place && !(await exists(path)) ? await diffusersFolder(place) : undefined;
  const own = folder?.path ?? path;
  const known = { path: own, ...(folder && { folder }) };
  if (isShardIndex(own) && (await exists(own))) return { ...known, ...(await readShards(own)) };
  try {
    return { ...known, files: new Map([[own, await readFile(own)]]) };
  } catch (error) {
    const inFolder = path !== place && !folder && (error as NodeJS.ErrnoException).code === "ENOENT";
    const { found, advice } = inFolder
      ? { found: "a folder without model.safetensors", advice: "give the --out of a training that has saved, or a .safetensors file" }
      : unreadable(own, error as NodeJS.ErrnoException, `give ${checkpointHelp}`);
    throw new Error(`Expected a checkpoint at ${place} but found ${found}; ${advice}`, { cause: error });
  }
}

/** The file of a checkpoint that is given as such or as a run folder. */
const modelFile = async (place: string): Promise<string> =>
  (await stat(place).catch(() => undefined))?.isDirectory() ? join(place, "model.safetensors") : place;

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );
