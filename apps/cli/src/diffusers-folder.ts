import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { type DiffusersJson, type FromDiffusers, fromDiffusers } from "@ddpm/core";

/** What diffusers calls the file of a model's weights. */
export const weightsName = "diffusion_pytorch_model.safetensors";

/** A model as diffusers saves it: the file of its weights, and what its JSON files say. */
export interface DiffusersFolder {
  readonly path: string;
  /** Whether there is a scheduler, without which nothing is known of the noise. */
  readonly scheduled: boolean;
  /** Throws a SyntaxError that names the key for what we do not have. */
  told(): FromDiffusers;
}

/**
 * What a folder holds that diffusers saved, a whole pipeline or a model alone; undefined where it did not. Throws a SyntaxError where a JSON file is none, an Error where there is
 * another pipeline or the weights are not there as safetensors.
 */
export async function diffusersFolder(place: string): Promise<DiffusersFolder | undefined> {
  const index = await json(join(place, "model_index.json"));
  const own = await json(join(place, "config.json"));
  if (!index && own?.["_class_name"] === undefined) return undefined;
  checkPipeline(place, index?.["_class_name"]);
  const unet = (await json(join(place, "unet/config.json"))) ?? own;
  if (!unet)
    throw new Error(`Expected a pipeline with unet/config.json at ${place} but found ${String(index?.["_class_name"])}; give one of a UNet2DModel`);
  const scheduler = (await json(join(place, "scheduler/scheduler_config.json"))) ?? (await json(join(place, "scheduler_config.json")));
  const path = await weightsIn(unet === own ? place : join(place, "unet"));
  return { path, scheduled: scheduler !== undefined, told: () => fromDiffusers(unet, scheduler) };
}

/** Those that draw with a `UNet2DModel` and nothing else. */
const pipelines: readonly unknown[] = ["DDPMPipeline", "DDIMPipeline", "PNDMPipeline"];

/** Throws an Error for a pipeline whose U-Net does not draw images from the noise of a schedule. */
function checkPipeline(place: string, name: unknown): void {
  if (name === undefined || pipelines.includes(name)) return;
  throw new Error(
    `Expected a pipeline among ${pipelines.join(", ")} at ${place} but found ${JSON.stringify(name).slice(0, 80)}; give the folder of its UNet2DModel to read that alone`,
  );
}

/** The file of the weights in a folder, which has another name where they are of another type. Throws an Error where there is none as safetensors in one piece. */
async function weightsIn(folder: string): Promise<string> {
  const names = (await readdir(folder)).sort();
  const name = [weightsName, ...names].find((name) => names.includes(name) && /^diffusion_pytorch_model(\.\w+)?\.safetensors$/.test(name));
  if (name !== undefined) return join(folder, name);
  const others = names.filter((name) => name.startsWith("diffusion_pytorch_model."));
  const advice = others.some((name) => name.includes(".index."))
    ? 'save the model in one piece, with max_shard_size="1TB"'
    : "save the model with safe_serialization=True";
  throw new Error(`Expected ${join(folder, weightsName)} but found ${others.slice(0, 3).join(", ") || "no such file"}; ${advice}`);
}

/** Bytes of a JSON file that is read: those with a beta for each of a million steps have fewer. */
const most = 2 ** 25;

/** The object in a JSON file; undefined where there is no file. */
async function json(path: string): Promise<DiffusersJson | undefined> {
  const entry = await stat(path).catch(() => undefined);
  if (!entry?.isFile()) return undefined;
  if (entry.size > most)
    throw new SyntaxError(`${path}: Expected JSON of at most ${most} bytes but found ${entry.size}; check that it is a configuration`);
  try {
    return Object(JSON.parse(await readFile(path, "utf8"))) as DiffusersJson;
  } catch (cause) {
    throw new SyntaxError(`${path}: Expected JSON but found ${(cause as Error).message}; save the model again`, { cause });
  }
}
