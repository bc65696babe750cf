/** The files of diffusers (Hugging Face), a `DDPMPipeline` of a `UNet2DModel` and a scheduler, as configurations and parameters of ours, and the other way. */
import type { ParameterValue } from "../checkpoint.ts";
import type { Config } from "../config.ts";
import { drawingAdvice } from "./drawing.ts";
import type { DiffusersJson } from "./json.ts";
import { diffusionFrom, schedulerOf } from "./scheduler.ts";
import { unetFrom, unetOf } from "./unet2d.ts";

export type { DiffusersJson } from "./json.ts";

/** What the JSON files of a model say. */
export interface FromDiffusers {
  readonly config: Partial<Config>;
  /** How to draw as its scheduler does, a line each. */
  readonly advice: readonly string[];
}

/** What the files of a model and of its scheduler, if it has one, say. Throws a SyntaxError that names the key for what we do not have. */
export function fromDiffusers(unet: DiffusersJson, scheduler?: DiffusersJson): FromDiffusers {
  const model = unetFrom(unet);
  if (!scheduler) return { config: model, advice: [] };
  return { config: { ...model, ...diffusionFrom(scheduler, model["diffusion.variance"] === "learned") }, advice: drawingAdvice(scheduler) };
}

/** The JSON files of a `DDPMPipeline`, by their paths in its folder. Throws a TypeError for an architecture that diffusers does not have. */
export function toDiffusers(config: Config): Readonly<Record<string, DiffusersJson>> {
  const { "model.architecture": architecture } = config;
  if (architecture !== "ddpm")
    throw new TypeError(
      `Expected model.architecture ddpm for diffusers but found ${architecture}, which it does not have; write a .safetensors file`,
    );
  return {
    "model_index.json": { _class_name: "DDPMPipeline", scheduler: ["diffusers", "DDPMScheduler"], unet: ["diffusers", "UNet2DModel"] },
    "unet/config.json": unetOf(config),
    "scheduler/scheduler_config.json": schedulerOf(config),
  };
}

/**
 * Parameters (in our layout) that diffusers saved, with today's names: those of attention were others once. Where there are classes, a column of zeros is added
 * for none.
 */
export const parametersFromDiffusers = (parameters: ReadonlyMap<string, ParameterValue>): Map<string, ParameterValue> =>
  new Map(
    [...parameters].map(([name, value]) => [
      name.replace(/(?<=\.attentions\.\d+\.)(query|key|value|proj_attn)(?=\.)/, (old) => attentionNames[old]!),
      name === "class_embedding.weight" ? withNone(value) : value,
    ]),
  );

const attentionNames: Readonly<Record<string, string>> = { query: "to_q", key: "to_k", value: "to_v", proj_attn: "to_out.0" };

function withNone({ shape, data }: ParameterValue): ParameterValue {
  const [dim, classes] = shape as [number, number];
  const wider = new Float32Array(dim * (classes + 1));
  for (let row = 0; row < dim; row++) wider.set(data.subarray(row * classes, (row + 1) * classes), row * (classes + 1));
  return { shape: [dim, classes + 1], data: wider };
}
