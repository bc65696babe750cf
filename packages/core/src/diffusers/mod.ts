/** The files of diffusers (Hugging Face), a `DDPMPipeline` of a `UNet2DModel` and a scheduler, as configurations and parameters of ours, and the other way. */
import { type ParameterValue, valuesOf } from "../checkpoint.ts";
import { classWidth, knowsNone } from "../classes.ts";
import type { Config } from "../config.ts";
import { drawingFrom, drawingOf, type SchedulerDrawing, writtenBack } from "./drawing.ts";
import type { DiffusersJson } from "./json.ts";
import { diffusionFrom, schedulerOf } from "./scheduler.ts";
import { unetFrom, unetOf } from "./unet2d.ts";

export { type DrawingSettings, drawingFrom, drawingSettings, type SchedulerDrawing } from "./drawing.ts";
export type { DiffusersJson } from "./json.ts";

/** What the JSON files of a model say. */
export interface FromDiffusers {
  readonly config: Partial<Config>;
  /** How its scheduler draws; absent where it has none. */
  readonly drawing?: SchedulerDrawing;
  /** What of the scheduler says so, to keep in a checkpoint's metadata; absent where it has none. */
  readonly scheduler?: DiffusersJson;
}

/** What the files of a model and of its scheduler, if it has one, say. Throws a SyntaxError that names the key for what we do not have. */
export function fromDiffusers(unet: DiffusersJson, scheduler?: DiffusersJson): FromDiffusers {
  const model = unetFrom(unet);
  if (!scheduler) return { config: model };
  const config = { ...model, ...diffusionFrom(scheduler, model["diffusion.variance"] === "learned") };
  return { config, drawing: drawingFrom(scheduler, config), scheduler: drawingOf(scheduler) };
}

/** What diffusers takes of a model: the JSON files of a `DDPMPipeline`, by their paths in its folder, and parameters in our layout. */
export interface ToDiffusers {
  readonly files: Readonly<Record<string, DiffusersJson>>;
  readonly parameters: ReadonlyMap<string, ParameterValue>;
  /** Whether the parameters are still all those of our model: an embedding of no class that was never trained has no place there. */
  readonly whole: boolean;
}

/** A model as diffusers has it, with the `scheduler` that it came from there with, if it did. Throws a TypeError for an architecture that diffusers does not have. */
export function toDiffusers(config: Config, parameters: ReadonlyMap<string, ParameterValue>, scheduler?: DiffusersJson): ToDiffusers {
  const { "model.architecture": architecture } = config;
  if (architecture !== "ddpm")
    throw new TypeError(
      `Expected model.architecture ddpm for diffusers but found ${architecture}, which it does not have; write a .safetensors file`,
    );
  const whole = knowsNone(config, valuesOf(parameters));
  const schedule = schedulerOf(config, writtenBack(scheduler));
  const { _class_name: name } = schedule;
  const files = {
    "model_index.json": {
      _class_name: name === "DDIMScheduler" ? "DDIMPipeline" : "DDPMPipeline",
      scheduler: ["diffusers", name],
      unet: ["diffusers", "UNet2DModel"],
    },
    "unet/config.json": unetOf(config, whole ? classWidth(config) : config["model.classes"].length),
    "scheduler/scheduler_config.json": schedule,
  };
  const table = whole ? undefined : parameters.get(embedding);
  return { files, parameters: table ? new Map([...parameters, [embedding, widened(table, -1)]]) : parameters, whole };
}

const embedding = "class_embedding.weight";

/**
 * Parameters (in our layout) that diffusers saved, with today's names: those of attention were others once. Where there are classes, a column of zeros is added
 * for none.
 */
export const parametersFromDiffusers = (parameters: ReadonlyMap<string, ParameterValue>): Map<string, ParameterValue> =>
  new Map(
    [...parameters].map(([name, value]) => [
      name.replace(/(?<=\.attentions\.\d+\.)(query|key|value|proj_attn)(?=\.)/, (old) => attentionNames[old]!),
      name === embedding ? widened(value, 1) : value,
    ]),
  );

const attentionNames: Readonly<Record<string, string>> = { query: "to_q", key: "to_k", value: "to_v", proj_attn: "to_out.0" };

/** A matrix with a column of zeros more, or its last column less. */
function widened({ shape, data }: ParameterValue, by: 1 | -1): ParameterValue {
  const [rows, columns] = shape as [number, number];
  const width = columns + by;
  const out = new Float32Array(rows * width);
  for (let row = 0; row < rows; row++) out.set(data.subarray(row * columns, row * columns + Math.min(columns, width)), row * width);
  return { shape: [rows, width], data: out };
}
