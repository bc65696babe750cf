import { extname } from "node:path";
import { openDevice } from "@ddpm/backend-node";
import { type Backend, compileSampler, evenSpacingNames, imageShape, type Spacing, samplesOf, size } from "@ddpm/core";
import { type Command, Option } from "commander";
import { type Checkpoint, readCheckpoint } from "../checkpoint-file.ts";
import { pictures, picturesHelp } from "../data/pictures.ts";
import { prepareFolderOf } from "../files.ts";
import { configOf, configOptions, count, describesModel, deviceOption, sigmaMaxOption } from "../options.ts";
import { writeImages } from "../tensor-file.ts";

interface Options {
  readonly checkpoint: string;
  readonly images: string;
  readonly count: number;
  readonly steps?: number;
  readonly spacing?: Spacing;
  readonly sigmaMax: number;
  readonly out: string;
  readonly device: string;
}

/** Images inverted at once. */
const mostAtOnce = 64;

export function invertCommand(program: Command): void {
  const command = program
    .command("invert")
    .description("Find the noise that images come from, by DDIM backwards, so that ddpm sample draws them again from it")
    .requiredOption("--checkpoint <file|dir>", "a .safetensors file or a run folder")
    .requiredOption("--images <path>", picturesHelp)
    .addOption(new Option("--count <n>", "images to take of several").argParser(count).default(16))
    .addOption(new Option("--steps <n>", "steps of DDIM (50), two model calls each; the same for ddpm sample").argParser(count))
    .addOption(new Option("--spacing <name>", "which timesteps (trailing); the same for ddpm sample").choices(evenSpacingNames))
    .addOption(sigmaMaxOption().default(20, "20"))
    .requiredOption("--out <file>", "safetensors to write xT [N,C,H,W] to")
    .addOption(deviceOption())
    .action(invert);
  configOptions(command, describesModel);
}

async function invert(options: Options): Promise<void> {
  if (extname(options.out) !== ".safetensors") throw new TypeError(`Expected --out to end in .safetensors but found ${options.out}`);
  await prepareFolderOf(options.out);
  const checkpoint = await readCheckpoint(options.checkpoint, configOf({ ...options }, describesModel));
  const images = await pictures(options.images, checkpoint.config, options.count);
  await using backend = await openDevice(options.device, { purpose: "sample", dtype: "float32", say: (line) => process.stderr.write(`${line}\n`) });
  const noise = await noiseOf(backend, checkpoint, images.values, options);
  await writeImages(options.out, "xT", noise, imageShape(checkpoint.config, images.count));
  const same = [["steps", options.steps] as const, ["spacing", options.spacing] as const, ["sigma-max", options.sigmaMax] as const]
    .flatMap(([name, value]) => (value === undefined ? [] : [` --${name} ${value}`]))
    .join("");
  process.stdout.write(
    `Inverted ${images.count} images on ${backend.name}: ${options.out}\nNext: npx ddpm sample --checkpoint ${options.checkpoint} --init ${options.out} --sampler ddim --no-clip${same} --out grid.png\n`,
  );
}

/** In batches of one size, the last one padded; NHWC values. */
async function noiseOf(
  backend: Backend,
  { config, parameters }: Checkpoint,
  images: Float32Array,
  { steps, spacing, sigmaMax }: Options,
): Promise<Float32Array> {
  const elements = size(imageShape(config, 1));
  const batch = Math.min(mostAtOnce, images.length / elements);
  await using sampler = await compileSampler(backend, config, parameters, { inverse: true, batch, steps, spacing, sigmaMax });
  const out = new Float32Array(images.length);
  for (let first = 0; first < images.length; first += batch * elements) {
    const start = new Float32Array(batch * elements);
    start.set(images.subarray(first, first + start.length));
    out.set((await samplesOf(sampler, { start })).subarray(0, images.length - first), first);
  }
  return out;
}
