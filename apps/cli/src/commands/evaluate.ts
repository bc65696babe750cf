import { resolve } from "node:path";
import { type Command, InvalidArgumentError, Option } from "commander";
import { checkpointHelp } from "../checkpoint-file.ts";
import { dataHelp } from "../data/index.ts";
import { samplerFlags, samplerOption, samplerOptions } from "../drawing.ts";
import { type EvaluateOptions, evaluate, evaluatePictures } from "../evaluation/evaluate.ts";
import { featuresHelp } from "../evaluation/features.ts";
import { fewestImages } from "../evaluation/jackknife.ts";
import { pixelScales } from "../evaluation/onnx-features.ts";
import { pointsOf } from "../evaluation/point.ts";
import { configOf, configOptions, count, deviceOption } from "../options.ts";
import { UsageError } from "../usage-error.ts";
import { asWorker } from "../workers/worker.ts";

interface Options extends EvaluateOptions {
  readonly checkpoint?: string;
  readonly pictures?: string;
  readonly data?: string;
}

export function evaluateCommand(program: Command): void {
  const command = program
    .command("evaluate")
    .description(
      "Tell how good a model is: how near its pictures are to real ones (FID, KID), whether they are copies, and how well it knows images that it has not seen (bits per dimension). Writes a report, and goes on where it was stopped",
    )
    .option("--checkpoint <file|dir>", checkpointHelp)
    .addOption(
      new Option("--pictures <path>", "evaluate pictures that are drawn already, by whatever: a folder or zip").conflicts([
        "checkpoint",
        "sampler",
        "steps",
        "images",
        "timesteps",
        "bound",
        "spacing",
        "eta",
        "sigmaMax",
        "clip",
        "rederive",
        "guidance",
      ]),
    )
    .option("--data <name>", `what real images to compare with (as the checkpoint says): ${dataHelp}`)
    .option("--out <dir>", "folder of the report, its numbers and the pictures (evaluation, beside what is evaluated)")
    .addOption(new Option("--samples <n>", "pictures to draw or to take (2048; 512 with more than 50 model calls each)").argParser(enough))
    .option("--features <file>", featuresHelp)
    .addOption(
      new Option("--pixel-scale <name>", "what an .onnx file takes a pixel as (bytes if it takes uint8, else signed)").choices(
        Object.keys(pixelScales),
      ),
    )
    .addOption(new Option("--reference <n>", "real images to compare with, at most").argParser(enough).default(60_000))
    .addOption(
      new Option("--sweep [points...]", "draw with several samplers and numbers of steps, as ddim:10,20 dpm++:10 (3 to 50 with each but ddpm)")
        .argParser(pointsOf)
        .conflicts(["sampler", "steps", "spacing", "eta", "sigmaMax", "clip", "rederive", "pictures"]),
    )
    .option("--no-bound", "leave the bits per dimension out")
    .addOption(new Option("--images <n>", "images of the bits per dimension").argParser(several).default(256))
    .addOption(new Option("--timesteps <n>", "model calls for each of them, spread over all timesteps (60, or all)").argParser(count))
    .addOption(deviceOption())
    .action(run);
  samplerOptions(command, samplerOption("ddim"));
  configOptions(command, (key) => ["data.flip", "data.height", "data.width"].includes(key));
}

const atLeast =
  (least: number) =>
  (text: string): number => {
    const value = count(text);
    if (value < least) throw new InvalidArgumentError(`Expected at least ${least}, so that what is found has an error`);
    return value;
  };

const [enough, several] = [atLeast(fewestImages), atLeast(2)];

async function run(options: Options, command: Command): Promise<void> {
  const { checkpoint, pictures, data } = options;
  const given = configOf({ ...options });
  const worker = asWorker(options.device);
  if (checkpoint !== undefined) return evaluate({ place: resolve(checkpoint), given }, samplerFlags(command, options), worker);
  if (worker) throw new UsageError("Expected --checkpoint with several workers, who draw together, but found none; evaluate --pictures alone");
  if (pictures === undefined) throw new UsageError("Expected --checkpoint or --pictures but found neither; add one");
  if (data === undefined) throw new UsageError("Expected what --pictures are to be like but found no --data; add it");
  return evaluatePictures({ place: resolve(pictures), given }, { ...options, data });
}
