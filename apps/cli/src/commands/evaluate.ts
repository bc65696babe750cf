import { extname } from "node:path";
import { openDevice } from "@ddpm/backend-node";
import { type Config, compileBound, type DatasetBatch, imageShape, priorBits, strata } from "@ddpm/core";
import { size } from "@ddpm/core/graph";
import { batch } from "@ddpm/core/training";
import { type Command, Option } from "commander";
import { type BoundOfData, boundFigure, summarise } from "../bound-figure.ts";
import { readCheckpoint } from "../checkpoint-file.ts";
import { dataHelp, openDataset } from "../data/index.ts";
import { mostAtOnce, padded } from "../drawing.ts";
import { prepareFile, writeFigure } from "../figure-file.ts";
import { writeAtomically } from "../files.ts";
import { Interrupted, watchInterrupts } from "../interrupt.ts";
import { count, deviceOption, parserOf } from "../options.ts";
import { progress } from "../progress.ts";

interface Options {
  readonly checkpoint: string;
  readonly data?: string;
  readonly images: number;
  readonly timesteps?: number;
  readonly seed: number;
  readonly clip: boolean;
  readonly out?: string;
  readonly device: string;
}

const usualTimesteps = 60;

export function evaluateCommand(program: Command): void {
  program
    .command("evaluate")
    .description("Tell how well a model knows images that it has not seen: the variational bound on their bits a dimension, less is better")
    .requiredOption("--checkpoint <file|dir>", "a .safetensors file or a run folder")
    .option("--data <name>", `whose images for tests are taken (as its checkpoint says): ${dataHelp}`)
    .addOption(new Option("--images <n>", "how many, drawn by the seed").argParser(count).default(256))
    .addOption(new Option("--timesteps <n>", `model calls for each image, spread over all timesteps (${usualTimesteps}, or all)`).argParser(count))
    .addOption(new Option("--seed <n>", "of images, timesteps and noise").argParser(parserOf("seed")).default(0))
    .option("--no-clip", "do not clip the predicted x0 to [-1, 1], as published numbers do")
    .option("--out <file>", "the bound over t as chart.svg or .png, or .json for the numbers")
    .addOption(deviceOption())
    .action(evaluate);
}

async function evaluate({ checkpoint: place, data, images: wanted, timesteps, seed, clip, out, device }: Options): Promise<void> {
  if (out !== undefined) await prepareFile("--out", out, [".svg", ".png", ".json"]);
  const { config, parameters } = await readCheckpoint(place);
  const T = config["diffusion.timesteps"];
  const parts = strata(T, timesteps ?? Math.min(usualTimesteps, T));
  const name = data ?? config["data.name"];
  const { images, labels } = await imagesOf(name, config, wanted, seed);
  await using backend = await openDevice(device, { purpose: "sample", dtype: "float32", say: (line) => process.stderr.write(`${line}\n`) });
  const runs = Math.ceil(wanted / mostAtOnce);
  const own = Math.ceil(wanted / runs);
  await using bound = await compileBound(backend, config, parameters, { batch: own, clip });
  using line = progress("evaluate", runs * parts.length);
  using interruption = watchInterrupts("Stopping after this step; nothing is written");
  const elements = size(imageShape(config, 1));
  const terms: Float64Array[] = [];
  for (const [i, part] of parts.entries()) {
    const bits = new Float64Array(wanted);
    for (let run = 0; run < runs; run++) {
      const first = run * own;
      const some = padded(images.subarray(first * elements, (first + own) * elements), own * elements);
      const found = await bound.terms({ images: some, first, ...(labels && { labels: labels.slice(first, first + own) }) }, part, seed);
      bits.set(found.subarray(0, wanted - first), first);
      line.update(i * runs + run + 1);
      if (interruption.requested) throw new Interrupted("Stopped", interruption.requested);
    }
    terms.push(bits);
  }
  const found: BoundOfData = { name, timesteps: T, clip, seed, ...summarise({ prior: priorBits(config, images), strata: parts, terms }) };
  if (out !== undefined && extname(out) === ".json") await writeAtomically(out, `${JSON.stringify(found, undefined, 2)}\n`);
  else if (out !== undefined) await writeFigure(out, await boundFigure(found));
  process.stdout.write(`${told(found)}${out === undefined ? "" : `: ${out}`}\n`);
}

function told({ name, images, bits, prior, decoder, strata, timesteps }: BoundOfData): string {
  const calls = strata.length === timesteps ? `all ${timesteps} timesteps` : `${strata.length} of ${timesteps} timesteps each`;
  const parts = `prior ${prior.mean.toPrecision(2)}, decoder ${decoder === undefined ? "not told apart" : decoder.mean.toFixed(3)}`;
  return `${bits.mean.toFixed(3)} ± ${bits.error.toFixed(3)} bits a dimension (${parts}) over ${images} images of ${name}, ${calls}`;
}

/** So many images for tests, and their labels where the model has classes. Throws where the data have fewer. */
async function imagesOf(name: string, config: Config, wanted: number, seed: number): Promise<Pick<DatasetBatch, "images" | "labels">> {
  const [height, width, channels] = [config["data.height"], config["data.width"], config["model.channels"]];
  const conditional = config["model.classes"].length > 0;
  const say = (line: string): unknown => process.stderr.write(`${line}\n`);
  const dataset = await openDataset(name, { height, width, channels, conditional, purpose: "tests", say });
  if (dataset.count < wanted)
    throw new RangeError(
      `Expected at least ${wanted} images for tests in ${name} but found ${dataset.count}; choose fewer --images, or other --data`,
    );
  const { images, labels } = await batch(dataset, { seed, batch: wanted, step: 1, flip: false });
  return conditional && labels ? { images, labels } : { images };
}
