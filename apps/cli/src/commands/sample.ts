import { extname, join } from "node:path";
import { openDevice } from "@ddpm/backend-node";
import {
  type Backend,
  type Config,
  compileSampler,
  imageShape,
  parseValue,
  type SamplerName,
  type Spacing,
  samplerNames,
  samplers,
  size,
  spacingNames,
  unclippedWarning,
} from "@ddpm/core";
import { type Command, Option } from "commander";
import { type Checkpoint, readCheckpoint } from "../checkpoint-file.ts";
import { prepareFolderOf } from "../files.ts";
import { Interrupted, watchInterrupts } from "../interrupt.ts";
import { configOf, configOptions, count, describesModel, deviceOption, number, sigmaMaxOption } from "../options.ts";
import { grid, writePng } from "../picture.ts";
import { progress } from "../progress.ts";
import { readImages, writeImages } from "../tensor-file.ts";

interface Options {
  readonly checkpoint: string;
  readonly sampler: SamplerName;
  readonly steps?: number | undefined;
  readonly spacing?: Spacing | undefined;
  readonly eta?: number | undefined;
  readonly sigmaMax?: number | undefined;
  readonly clip?: boolean | undefined;
  readonly count: number;
  readonly seed: number;
  readonly init?: string;
  readonly out: string;
  readonly device: string;
}

const usualSteps = samplerNames.map((name) => `${name} ${Number.isFinite(samplers[name].steps) ? samplers[name].steps : "all timesteps"}`).join(", ");
const usualSpacings = samplerNames.map((name) => `${name} ${samplers[name].spacing}`).join(", ");
const clipping = samplerNames.filter((name) => samplers[name].clip).join(", ");

/** Images drawn at once. */
const mostAtOnce = 64;

export function sampleCommand(program: Command): void {
  const command = program
    .command("sample")
    .description("Draw images with a trained model; files hold NCHW float32 in [-1, 1]")
    .requiredOption("--checkpoint <file|dir>", "a .safetensors file or a run folder")
    .addOption(new Option("--sampler <name>", "ddpm: all steps; the others: few").choices(samplerNames).default("ddpm"))
    .addOption(new Option("--steps <n>", `model calls (${usualSteps})`).argParser(count))
    .addOption(new Option("--spacing <name>", `which levels of noise (${usualSpacings})`).choices(spacingNames))
    .addOption(new Option("--eta <x>", "DDIM's noise: 0 none, 1 as much as DDPM").argParser(number))
    .addOption(sigmaMaxOption())
    .option("--clip", `clip the predicted x0 to [-1, 1] at each step (${clipping} do)`)
    .option("--no-clip", "do not: the notebook's rule")
    .addOption(new Option("--count <n>", "number of images").argParser(count).default(16).conflicts("init"))
    .addOption(new Option("--seed <n>", "the same seed draws the same images").argParser((text) => parseValue("seed", text)).default(0))
    .option("--init <file>", "safetensors file whose xT [N,C,H,W] replaces the drawn start")
    .requiredOption("--out <path>", "grid.png, samples.safetensors, or a folder for one PNG each")
    .addOption(deviceOption())
    .action(sample);
  configOptions(command, describesModel);
}

async function sample(options: Options, command: Command): Promise<void> {
  const writer = await writerTo(options.out);
  const xT = options.init === undefined ? undefined : await readImages(options.init, "xT");
  const [, , height, width] = xT?.shape ?? [];
  const checkpoint = await readCheckpoint(options.checkpoint, configOf({ ...options }, describesModel), {
    ...(height && width && { "data.height": height, "data.width": width }),
  });
  const { config } = checkpoint;
  if (!checkpoint.ours) process.stderr.write(`The file does not say how the model was trained; taking ${assumed(config)}\n`);
  const start = xT?.as([config["model.channels"], config["data.height"], config["data.width"]]);
  const total = start?.count ?? options.count;
  await using backend = await openDevice(options.device, { purpose: "sample", dtype: "float32", say: (line) => process.stderr.write(`${line}\n`) });
  // commander gives clip a value even where neither flag is used
  const clip = command.getOptionValueSource("clip") === "cli" ? options.clip : undefined;
  const values = await draw(backend, checkpoint, { ...options, clip }, total, start?.values);
  await writer(values, imageShape(config, total));
  process.stdout.write(`Drew ${total} images with ${options.sampler} on ${backend.name}: ${options.out}\n`);
}

const assumed = (config: Config): string =>
  (["diffusion.schedule", "diffusion.timesteps", "diffusion.objective", "data.height", "data.width"] as const)
    .map((key) => `--${key} ${config[key]}`)
    .join(" ");

/** Draws in batches of one size, the last one padded; NHWC values. */
async function draw(
  backend: Backend,
  { config, parameters }: Checkpoint,
  options: Options,
  total: number,
  start?: Float32Array,
): Promise<Float32Array> {
  const runs = Math.ceil(total / mostAtOnce);
  const batch = Math.ceil(total / runs);
  const elements = size(imageShape(config, 1));
  const out = new Float32Array(total * elements);
  const { sampler, steps, spacing, eta, sigmaMax, clip, seed } = options;
  await using compiled = await compileSampler(backend, config, parameters, { sampler, batch, steps, spacing, eta, sigmaMax, clip });
  const warning = (clip ?? samplers[sampler].clip) ? undefined : unclippedWarning(compiled.table);
  if (warning) process.stderr.write(`${warning}: --clip, --sigma-max 80\n`);
  using line = progress("sample", runs * compiled.table.length);
  using interruption = watchInterrupts("Stopping after this step; nothing is written");
  for (let run = 0; run < runs; run++) {
    const first = run * batch;
    const own = start && padded(start.subarray(first * elements, (first + batch) * elements), batch * elements);
    for await (const { step, steps, x } of compiled.draw({ seed, first, ...(own && { start: own }) })) {
      line.update(run * steps + step);
      if (interruption.requested) throw new Interrupted("Stopped");
      if (step === steps) out.set((await x()).slice(0, out.length - first * elements), first * elements);
    }
  }
  return out;
}

function padded(values: Float32Array, length: number): Float32Array {
  const out = new Float32Array(length);
  out.set(values);
  return out;
}

type Writer = (values: Float32Array, shape: readonly [number, number, number, number]) => Promise<unknown>;

/** What writes NHWC images as the path's ending says: a tensor, a grid, or a folder with one picture each. Throws where the path cannot be written. */
async function writerTo(out: string): Promise<Writer> {
  const ending = extname(out);
  await prepareFolderOf(ending ? out : join(out, "0000.png"));
  if (ending === ".safetensors") return (values, shape) => writeImages(out, "samples", values, shape);
  if (ending === ".png") return (values, [n, h, w, c]) => writePng(out, grid(values, n, h, w, c));
  if (ending) throw new TypeError(`Expected --out to end in .png or .safetensors, or to be a folder, but found ${out}`);
  return async (values, [n, h, w, c]) => {
    for (let i = 0; i < n; i++) {
      const image = values.subarray(i * h * w * c, (i + 1) * h * w * c);
      await writePng(join(out, `${String(i).padStart(4, "0")}.png`), grid(image, 1, h, w, c, { scale: 1, gap: 0 }));
    }
  };
}
