import { extname } from "node:path";
import { openDevice } from "@ddpm/backend-node";
import { type Backend, type Config, imageShape, labelsInTurn } from "@ddpm/core";
import { scheduleFor } from "@ddpm/core/config";
import { rows, type SamplerName, samplerNames, samplers as standards } from "@ddpm/core/diffusion";
import { size } from "@ddpm/core/graph";
import { batch } from "@ddpm/core/training";
import { type Command, InvalidArgumentError, Option } from "commander";
import { type Checkpoint, readCheckpoint } from "../checkpoint-file.ts";
import { dataHelp, openDataset } from "../data/index.ts";
import { draw } from "../drawing.ts";
import type { Estimate } from "../estimate.ts";
import { prepareFile, writeFigure } from "../figure-file.ts";
import { writeAtomically } from "../files.ts";
import { fewestImages, kernelDistance } from "../kernel-distance.ts";
import { count, deviceOption, parserOf } from "../options.ts";
import { distanceFrom, referenceFor } from "../reference-solution.ts";
import { type Result, sweepFigure } from "../sweep-figure.ts";

interface Options {
  readonly checkpoint: string;
  readonly data?: string;
  readonly samplers: readonly SamplerName[];
  readonly steps: readonly number[];
  readonly count: number;
  readonly seed: number;
  readonly out: string;
  readonly device: string;
}

const usual = { samplers: samplerNames.filter((name) => name !== "ddpm"), steps: [3, 5, 10, 20, 50] } as const;

export function sweepCommand(program: Command): void {
  program
    .command("sweep")
    .description("Draw a chart of quality against steps: how far samplers are from where more steps lead, and their images from the data")
    .requiredOption("--checkpoint <file|dir>", "a .safetensors file or a run folder")
    .option("--data <name>", `what the model has learnt (as its checkpoint says): ${dataHelp}`)
    .addOption(new Option("--samplers <names>", samplerNames.join(", ")).argParser(samplers).default(usual.samplers, usual.samplers.join()))
    .addOption(new Option("--steps <list>", "model calls, with commas").argParser(steps).default(usual.steps, usual.steps.join()))
    .addOption(new Option("--count <n>", `images of each point, ${fewestImages} or more; more make its error smaller`).argParser(images).default(256))
    .addOption(new Option("--seed <n>", "of all that is drawn").argParser(parserOf("seed")).default(0))
    .requiredOption("--out <file>", "chart.svg or .png, or .json for the numbers")
    .addOption(deviceOption())
    .action(sweep);
}

async function sweep({ checkpoint: place, data, samplers, steps, count, seed, out, device }: Options): Promise<void> {
  await prepareFile("--out", out, [".svg", ".png", ".json"]);
  const checkpoint = await readCheckpoint(place);
  const { config } = checkpoint;
  checkSteps(config, samplers, steps);
  const [real, other] = await realImages(data ?? config["data.name"], config, count, seed);
  const elements = size(imageShape(config, 1));
  const floor = kernelDistance(other, real, elements);
  await using backend = await openDevice(device, { purpose: "sample", dtype: "float32", say: (line) => process.stderr.write(`${line}\n`) });
  const reference = samplers.some(deterministic) ? referenceFor(scheduleFor(config), steps, count) : undefined;
  const solution = reference && (await drawn(backend, checkpoint, reference, seed));
  const results: Result[] = [];
  for (const [sampler, calls] of samplers.flatMap((name) => steps.map((calls) => [name, calls] as const))) {
    const images = await drawn(backend, checkpoint, { sampler, steps: calls, count }, seed);
    const fromReference = solution && deterministic(sampler) ? { fromReference: distanceFrom(solution, images) } : {};
    results.push({ sampler, steps: calls, distance: kernelDistance(images, real, elements), ...fromReference });
    process.stderr.write(`${sampler} ${calls}: ${text(results.at(-1)!)}\n`);
  }
  if (extname(out) === ".json") await writeAtomically(out, `${JSON.stringify({ count, seed, floor, reference, results }, undefined, 2)}\n`);
  else await writeFigure(out, await sweepFigure({ count, floor, reference, results }));
  process.stdout.write(`Drew ${samplers.join(", ")} with ${steps.join(", ")} steps; the data are ${about(floor)} from themselves: ${out}\n`);
}

/** All start from the same level of noise, Heun's, so that they solve the same equation, and clip x0. */
const alike = { clip: true, sigmaMax: standards.heun.sigmaMax } as const;

/** Whether a sampler's images are those of its noise alone; DDIM's are, since a sweep leaves eta at 0. */
const deterministic = (name: SamplerName): boolean => name !== "ddpm";

/** Throws where a sampler cannot take so many steps, before hours of drawing. */
function checkSteps(config: Config, samplers: readonly SamplerName[], steps: readonly number[]): void {
  for (const name of samplers) {
    for (const calls of steps) {
      try {
        rows(name, scheduleFor(config), { ...alike, steps: calls, objective: config["diffusion.objective"] });
      } catch (error) {
        throw new RangeError(`--steps for ${name} from sigma ${alike.sigmaMax} down: ${(error as Error).message}`, { cause: error });
      }
    }
  }
}

interface Point {
  readonly sampler: SamplerName;
  readonly steps: number;
  readonly count: number;
}

/** The images of a point, [count, …]; the same seed gives all the same noise and classes. */
const drawn = (backend: Backend, checkpoint: Checkpoint, { sampler, steps, count }: Point, seed: number): Promise<Float32Array> =>
  draw(
    backend,
    checkpoint,
    { ...alike, sampler, steps, seed, guidance: 1 },
    { total: count, labels: labelsInTurn(checkpoint.config, count), label: `${sampler} ${steps}` },
  );

const text = ({ distance, fromReference }: Result): string =>
  `${about(distance)} from the data${fromReference === undefined ? "" : `, ${fromReference.toPrecision(3)} from the reference`}`;

const about = ({ mean, error }: Estimate): string => `${mean.toPrecision(3)} ± ${error.toPrecision(1)}`;

/** Two sets of images as training sees them, [count, …] each. Throws where the data have fewer. */
async function realImages(name: string, config: Config, count: number, seed: number): Promise<[Float32Array, Float32Array]> {
  const [height, width, channels] = [config["data.height"], config["data.width"], config["model.channels"]];
  const dataset = await openDataset(name, { height, width, channels });
  if (dataset.count < 2 * count)
    throw new RangeError(
      `Expected at least ${2 * count} images in ${name}, two sets of --count, but found ${dataset.count}; choose a smaller --count`,
    );
  const options = { seed, batch: count, flip: config["data.flip"] };
  return [(await batch(dataset, { ...options, step: 1 })).images, (await batch(dataset, { ...options, step: 2 })).images];
}

function samplers(text: string): SamplerName[] {
  const names = text.split(",") as SamplerName[];
  const unknown = names.find((name) => !samplerNames.includes(name));
  if (unknown !== undefined) throw new InvalidArgumentError(`Expected samplers among ${samplerNames.join(", ")} but found ${unknown}`);
  return [...new Set(names)];
}

const steps = (text: string): number[] => [...new Set(text.split(",").map(count))].sort((a, b) => a - b);

function images(text: string): number {
  const value = count(text);
  if (value < fewestImages) throw new InvalidArgumentError(`Expected at least ${fewestImages} images, so that their distance has an error`);
  return value;
}
