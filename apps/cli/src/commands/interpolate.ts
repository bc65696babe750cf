import { openDevice } from "@ddpm/backend-node";
import { type Backend, imageShape, slerp } from "@ddpm/core";
import { parseValue } from "@ddpm/core/config";
import { size } from "@ddpm/core/graph";
import { startNoise } from "@ddpm/core/random";
import { type Command, Option } from "commander";
import { type Checkpoint, checkpointHelp } from "../checkpoint-file.ts";
import { oneLabelOf } from "../class-labels.ts";
import { pictures } from "../data/pictures.ts";
import { checkGuidance, draw, howToDraw, ownSamplerOption, readToDraw, type SamplerFlags, samplerFlags, samplerOptions } from "../drawing.ts";
import { writerTo } from "../image-writer.ts";
import { type InversionOptions, noiseOf, usualSigmaMax } from "../inversion.ts";
import { configOf, configOptions, count, describesModel, deviceOption } from "../options.ts";
import { UsageError, usage } from "../usage-error.ts";

interface Options extends SamplerFlags {
  readonly checkpoint: string;
  readonly from: string;
  readonly to: string;
  readonly count: number;
  readonly class?: string;
  readonly out: string;
  readonly device: string;
}

export function interpolateCommand(program: Command): void {
  const command = program
    .command("interpolate")
    .description("Draw what lies between two images, on the sphere between the noises that they come from")
    .requiredOption("--checkpoint <file|dir>", checkpointHelp)
    .requiredOption("--from <seed|image>", "a seed, whose first image it is, or an image, which is inverted by DDIM")
    .requiredOption("--to <seed|image>", "likewise");
  samplerOptions(command, ownSamplerOption("ddim"))
    .addOption(new Option("--count <n>", "images in all, both ends among them").argParser(count).default(9))
    .option("--class <name>", "of which class all are, by name or number")
    .requiredOption("--out <path>", "strip.png, samples.safetensors, or a folder for one PNG each")
    .addOption(deviceOption())
    .action(interpolate);
  configOptions(command, describesModel);
}

async function interpolate(options: Options, command: Command): Promise<void> {
  const { from, to, count, out } = options;
  checkGuidance(options);
  if (count < 2) throw new UsageError(`Expected --count of at least 2, the ends, but found ${count}; choose more`);
  const writer = await writerTo(out);
  const checkpoint = await readToDraw(options.checkpoint, configOf({ ...options }, describesModel));
  const { config } = checkpoint;
  const label = oneLabelOf(options.class, config);
  const flags = howToDraw(checkpoint, flagsFor([from, to], samplerFlags(command, options)), "ddim");
  await using backend = await openDevice(options.device, { purpose: "sample", dtype: "float32", say: (line) => process.stderr.write(`${line}\n`) });
  const a = await noiseAt(backend, checkpoint, from, { ...flags, label });
  const b = await noiseAt(backend, checkpoint, to, { ...flags, label });
  const start = Float32Array.from(Array.from({ length: count }, (_, i) => [...slerp(a, b, i / (count - 1))]).flat());
  const values = await draw(backend, checkpoint, flags, { total: count, start, labels: Array.from({ length: count }, () => label) });
  await writer(values, imageShape(config, count), count);
  process.stdout.write(`Drew ${count} images from ${from} to ${to} with ${flags.sampler} on ${backend.name}: ${out}\n`);
}

const seedOf = (text: string): number | undefined => (/^\d+$/.test(text) ? usage(() => parseValue("seed", text)) : undefined);

/**
 * An inverted image comes back by the way that it went: DDIM over the same levels, without clipping, which a seed at the other end may need.
 * Throws a UsageError for another way.
 */
function flagsFor(ends: readonly string[], flags: SamplerFlags): SamplerFlags {
  const images = ends.filter((end) => seedOf(end) === undefined).length;
  if (images === 0) return flags;
  if (flags.sampler !== "ddim" || flags.eta || flags.guidance !== 1 || flags.spacing === "karras")
    throw new UsageError(
      "Expected --sampler ddim without --eta, --guidance and karras to come back to an image but found another way; leave them out",
    );
  return { ...flags, clip: flags.clip ?? (images === ends.length ? false : undefined), sigmaMax: flags.sigmaMax ?? usualSigmaMax };
}

async function noiseAt(backend: Backend, checkpoint: Checkpoint, end: string, options: InversionOptions): Promise<Float32Array> {
  const seed = seedOf(end);
  if (seed !== undefined) return startNoise(seed, 1, size(imageShape(checkpoint.config, 1)));
  return noiseOf(backend, checkpoint, (await pictures(end, checkpoint.config, 1)).values, options);
}
