import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { type FromDiffusers, fromDiffusers } from "@ddpm/core";
import { readJson } from "./json-file.ts";

/** What diffusers calls the file of a model's weights. */
export const weightsName = "diffusion_pytorch_model.safetensors";

/** A model as diffusers saves it: the file of its weights, or the index of several, and what its JSON files say. */
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
  const index = await readJson(join(place, "model_index.json"));
  const own = await readJson(join(place, "config.json"));
  if (!index && own?.["_class_name"] === undefined) return undefined;
  checkPipeline(place, index?.["_class_name"]);
  const unet = (await readJson(join(place, "unet/config.json"))) ?? own;
  if (!unet)
    throw new Error(`Expected a pipeline with unet/config.json at ${place} but found ${String(index?.["_class_name"])}; give one of a UNet2DModel`);
  const scheduler = (await readJson(join(place, "scheduler/scheduler_config.json"))) ?? (await readJson(join(place, "scheduler_config.json")));
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

/** Names of weights, which have a variant's where they are of another type, and of the index of weights in several files. */
const weightsNames = /^diffusion_pytorch_model(\.\w+)?\.safetensors(\.index(\.\w+)?\.json)?$/;

/** The file of the weights in a folder, or their index. Throws an Error where there is none as safetensors. */
async function weightsIn(folder: string): Promise<string> {
  const names = (await readdir(folder)).sort();
  const name = [weightsName, `${weightsName}.index.json`, ...names].find((name) => names.includes(name) && weightsNames.test(name));
  if (name !== undefined) return join(folder, name);
  const others = names.filter((name) => name.startsWith("diffusion_pytorch_model"));
  throw new Error(
    `Expected ${join(folder, weightsName)} but found ${others.slice(0, 3).join(", ") || "no such file"}; save the model with safe_serialization=True`,
  );
}
