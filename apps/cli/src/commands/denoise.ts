import { openDevice } from "@ddpm/backend-node";
import { type Config, classFeeds, imageShape, input, model, Scope, type Step } from "@ddpm/core";
import type { Command } from "commander";
import { readCheckpoint } from "../checkpoint-file.ts";
import { prepareFolderOf } from "../files.ts";
import { configOf, configOptions, deviceOption } from "../options.ts";
import { imagesOf, readTensors, writeImages } from "../tensor-file.ts";

interface Options {
  readonly checkpoint: string;
  readonly input: string;
  readonly out: string;
  readonly device: string;
}

export function denoiseCommand(program: Command): void {
  const command = program
    .command("denoise")
    .description("One forward pass: predict eps [B,C,H,W] from x [B,C,H,W] and t [B], of no class")
    .requiredOption("--checkpoint <file|dir>", "a .safetensors file or a run folder")
    .requiredOption("--input <file>", "safetensors with x (float32) and t (int32 or int64)")
    .requiredOption("--out <file>", "safetensors to write eps to")
    .addOption(deviceOption())
    .action(denoise);
  configOptions(command, (key) => key.startsWith("model."));
}

async function denoise(options: Options): Promise<void> {
  await prepareFolderOf(options.out);
  const tensors = await readTensors(options.input, ["x", "t"]);
  const x = imagesOf(options.input, "x", tensors.get("x")!);
  const t = tensors.get("t")!;
  const [count, , height, width] = x.shape;
  if (`${t.shape}` !== `${count}` || !["I32", "I64"].includes(t.dtype))
    throw new RangeError(`${options.input}: Expected t of [${count}], int32 or int64, but found ${t.dtype} of [${t.shape}]`);
  const { config, parameters } = await readCheckpoint(options.checkpoint, configOf({ ...options }), { "data.height": height, "data.width": width });
  const { values } = x.as([config["model.channels"], height, width]);
  await using backend = await openDevice(options.device, { purpose: "sample", dtype: "float32", say: (line) => process.stderr.write(`${line}\n`) });
  await using forward = await backend.compile(forwardStep(config, count), parameters);
  const { eps } = await forward.run({ x: values, t: Int32Array.from(t.data), ...classFeeds(config, [], count) });
  await writeImages(options.out, "eps", Float32Array.from(eps!), imageShape(config, count));
  process.stdout.write(`Wrote eps of ${count} images: ${options.out}\n`);
}

const forwardStep = (config: Config, batch: number): Step => ({
  outputs: { eps: model(new Scope(), input("x", imageShape(config, batch)), input("t", [batch], "int32"), config) },
});
