import { openDevice } from "@ddpm/backend-node";
import { type Config, classFeeds, imageShape, type Step } from "@ddpm/core";
import { parts } from "@ddpm/core/diffusion";
import { input } from "@ddpm/core/graph";
import { model, Scope } from "@ddpm/core/model";
import type { Command } from "commander";
import { checkpointHelp, readCheckpoint } from "../checkpoint-file.ts";
import { checkLabels, labelsOfEach } from "../class-labels.ts";
import { prepareFile } from "../figure-file.ts";
import { configOf, configOptions, deviceOption } from "../options.ts";
import { imagesOf, readTensors, writeImages } from "../tensor-file.ts";

interface Options {
  readonly checkpoint: string;
  readonly input: string;
  readonly class?: string;
  readonly out: string;
  readonly device: string;
}

export function denoiseCommand(program: Command): void {
  const command = program
    .command("denoise")
    .description("One forward pass: predict eps, x0 or v [B,C,H,W], the model's objective, from x [B,C,H,W] and t [B]")
    .requiredOption("--checkpoint <file|dir>", checkpointHelp)
    .requiredOption("--input <file>", "safetensors with x (float32) and t (int32 or int64)")
    .option("--class <names>", "of which class x is, by name or number: one of all images, or one of each with commas (none)")
    .requiredOption("--out <file>", "safetensors to write the prediction to, under the objective's name")
    .addOption(deviceOption())
    .action(denoise);
  configOptions(command, (key) => key.startsWith("model."));
}

async function denoise(options: Options): Promise<void> {
  await prepareFile("--out", options.out, [".safetensors"]);
  const tensors = await readTensors(options.input, ["x", "t"]);
  const x = imagesOf(options.input, "x", tensors.get("x")!);
  const t = tensors.get("t")!;
  const [count, , height, width] = x.shape;
  if (`${t.shape}` !== `${count}` || !["I32", "I64"].includes(t.dtype))
    throw new RangeError(`${options.input}: Expected t of [${count}], int32 or int64, but found ${t.dtype} of [${t.shape}]; save one t an image`);
  const checkpoint = await readCheckpoint(options.checkpoint, configOf({ ...options }), { "data.height": height, "data.width": width });
  const { config, parameters } = checkpoint;
  const labels = labelsOfEach(options.class, config, count);
  checkLabels(checkpoint, labels, count);
  const { values } = x.as([config["model.channels"], height, width]);
  await using backend = await openDevice(options.device, { purpose: "sample", dtype: "float32", say: (line) => process.stderr.write(`${line}\n`) });
  await using forward = await backend.compile(forwardStep(config, count), parameters);
  const { prediction } = await forward.run({ x: values, t: Int32Array.from(t.data), ...classFeeds(config, labels, count) });
  const name = config["diffusion.objective"];
  await writeImages(options.out, name, Float32Array.from(prediction!), imageShape(config, count));
  process.stdout.write(`Wrote ${name} of ${count} images: ${options.out}\n`);
}

function forwardStep(config: Config, batch: number): Step {
  const output = model(new Scope(), input("x", imageShape(config, batch)), input("t", [batch], "int32"), config);
  return { outputs: { prediction: parts(output, config["model.channels"]).prediction } };
}
