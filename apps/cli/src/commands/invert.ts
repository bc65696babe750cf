import { openDevice } from "@ddpm/backend-node";
import { imageShape } from "@ddpm/core";
import { evenSpacingNames, type Spacing } from "@ddpm/core/diffusion";
import { type Command, Option } from "commander";
import { checkpointHelp } from "../checkpoint-file.ts";
import { oneLabelOf } from "../class-labels.ts";
import { pictures, picturesHelp } from "../data/pictures.ts";
import { howToDraw, readToDraw } from "../drawing.ts";
import { prepareFile } from "../figure-file.ts";
import { noiseOf, usualSigmaMax } from "../inversion.ts";
import { configOf, configOptions, count, describesModel, deviceOption, sigmaMaxOption } from "../options.ts";
import { writeImages } from "../tensor-file.ts";

interface Options {
  readonly checkpoint: string;
  readonly images: string;
  readonly count: number;
  readonly steps?: number;
  readonly spacing?: Spacing;
  readonly sigmaMax: number;
  readonly class?: string;
  readonly out: string;
  readonly device: string;
}

export function invertCommand(program: Command): void {
  const command = program
    .command("invert")
    .description("Find the noise that images come from, by DDIM backwards, so that ddpm sample draws them again from it")
    .requiredOption("--checkpoint <file|dir>", checkpointHelp)
    .requiredOption("--images <path>", picturesHelp)
    .addOption(new Option("--count <n>", "images to take of several").argParser(count).default(16))
    .addOption(new Option("--steps <n>", "steps of DDIM (50), two model calls each; the same for ddpm sample").argParser(count))
    .addOption(
      new Option("--spacing <name>", "which timesteps (trailing, or as the DDIM of a model from diffusers); the same for ddpm sample").choices(
        evenSpacingNames,
      ),
    )
    .addOption(sigmaMaxOption().default(usualSigmaMax, `${usualSigmaMax}`))
    .option("--class <name>", "of which class the images are, by name or number; the same for ddpm sample")
    .requiredOption("--out <file>", "safetensors to write xT [N,C,H,W] to")
    .addOption(deviceOption())
    .action(invert);
  configOptions(command, describesModel);
}

async function invert(options: Options): Promise<void> {
  await prepareFile("--out", options.out, [".safetensors"]);
  const checkpoint = await readToDraw(options.checkpoint, configOf({ ...options }, describesModel));
  const { spacing } = howToDraw(checkpoint, { sampler: "ddim", spacing: options.spacing, clip: false, rederive: false }, "ddim");
  const label = oneLabelOf(options.class, checkpoint.config);
  const images = await pictures(options.images, checkpoint.config, options.count);
  await using backend = await openDevice(options.device, { purpose: "sample", dtype: "float32", say: (line) => process.stderr.write(`${line}\n`) });
  const noise = await noiseOf(backend, checkpoint, images.values, { ...options, spacing, label });
  await writeImages(options.out, "xT", noise, imageShape(checkpoint.config, images.count));
  const same = [
    ["steps", options.steps] as const,
    ["spacing", spacing] as const,
    ["sigma-max", options.sigmaMax] as const,
    ["class", options.class] as const,
  ]
    .flatMap(([name, value]) => (value === undefined ? [] : [` --${name} ${value}`]))
    .join("");
  process.stdout.write(
    `Inverted ${images.count} images on ${backend.name}: ${options.out}\nNext: npx ddpm sample --checkpoint ${options.checkpoint} --init ${options.out} --sampler ddim --no-clip${same} --out grid.png\n`,
  );
}
