import { readdir } from "node:fs/promises";
import { dirname, extname, join } from "node:path";
import { type CheckpointMetadata, type Config, encodeModel, modelOf, toDiffusers } from "@ddpm/core";
import type { EncodeOptions } from "@ddpm/core/safetensors";
import { type Command, Option } from "commander";
import { type CheckpointBytes, checkpointBytes, checkpointHelp, decoded, type Model, modelIn } from "../checkpoint-file.ts";
import { weightsName } from "../diffusers-folder.ts";
import { tellOf } from "../drawing.ts";
import { prepareFile } from "../figure-file.ts";
import { absent, makeFolder, prepareFolderOf, writeAtomically } from "../files.ts";
import { configOf, configOptions, describesModel } from "../options.ts";

interface Options extends EncodeOptions {
  readonly checkpoint: string;
  readonly out: string;
}

export function convertCommand(program: Command): void {
  const command = program
    .command("convert")
    .description("Write a checkpoint in another form: half as large for a web page, from Python with what it does not say, from diffusers and for it")
    .requiredOption("--checkpoint <file|dir>", checkpointHelp)
    .addOption(new Option("--dtype <type>", "how numbers are stored (F16; F32 from another form or in one)").choices(["F32", "F16", "BF16"]))
    .requiredOption("--out <file|dir>", "a .safetensors file or, of model.architecture ddpm, a new folder for DDPMPipeline.from_pretrained")
    .action(convert);
  configOptions(command, describesModel);
}

async function convert({ checkpoint, out, dtype, ...options }: Options): Promise<void> {
  const inFolder = /^(\.\d.*)?$/.test(extname(out)); // the .1 of model-0.1 is no ending of a file
  await (inFolder ? prepareNewFolder(out) : prepareFile("--out", out, [".safetensors"]));
  const read = await checkpointBytes(checkpoint);
  const flags = configOf({ ...options }, describesModel);
  const files = inFolder ? pipeline(described(read, flags), dtype) : new Map([["", checkpointOf(read, flags, dtype)]]);
  for (const [name, content] of files) {
    const path = join(out, name);
    await makeFolder(dirname(path));
    await writeAtomically(path, content);
  }
  const bytes = [...files.values()].reduce((n, { length }) => n + length, 0);
  process.stdout.write(`Wrote ${(bytes / 2 ** 20).toFixed(2)} MiB: ${out}\n`);
}

/** Throws unless `path` can be made a folder, or is one without files. */
async function prepareNewFolder(path: string): Promise<void> {
  await prepareFolderOf("--out", join(path, weightsName));
  const [found] = (await readdir(path).catch(absent)) ?? [];
  if (found !== undefined) throw new Error(`Expected a new folder for --out but found ${found} in ${path}; choose another`);
}

/** A checkpoint of ours. One that nothing more is said of than before stays as it is but for its numbers' type. */
function checkpointOf(read: CheckpointBytes, flags: Partial<Config>, dtype: Options["dtype"]): Uint8Array {
  if (read.folder || Object.keys(flags).length > 0) {
    const model = described(read, flags);
    return encodeModel(model.parameters, metadataOf(model), { dtype: dtype ?? "F32" });
  }
  try {
    const { parameters, metadata } = modelOf(decoded(read));
    return encodeModel(parameters, metadata, { dtype: dtype ?? "F16" });
  } catch (error) {
    throw new SyntaxError(`${read.path}: ${(error as Error).message}`, { cause: error });
  }
}

function described(read: CheckpointBytes, flags: Partial<Config>): Model {
  const model = modelIn(read, flags);
  tellOf(model);
  return model;
}

const metadataOf = ({ config, step = 0, scheduler }: Model): CheckpointMetadata => ({ config, step, ...(scheduler && { scheduler }) });

/** The files of a `DDPMPipeline`, by their paths in its folder. */
function pipeline(model: Model, dtype: Options["dtype"]): Map<string, Uint8Array> {
  const { files, parameters, whole } = toDiffusers(model.config, model.parameters, model.scheduler);
  const texts = Object.entries(files).map(([name, json]) => [name, Buffer.from(`${JSON.stringify(json, undefined, 2)}\n`)] as const);
  return new Map([...texts, [join("unet", weightsName), encodeModel(parameters, whole ? metadataOf(model) : undefined, { dtype: dtype ?? "F32" })]]);
}
