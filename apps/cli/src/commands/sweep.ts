import { extname } from "node:path";
import { openDevice } from "@ddpm/backend-node";
import { batch, type Config, imageShape, labelsInTurn, parseValue, type SamplerName, samplerNames, size } from "@ddpm/core";
import { type Command, InvalidArgumentError, Option } from "commander";
import { readCheckpoint } from "../checkpoint-file.ts";
import { dataHelp, openDataset } from "../data/index.ts";
import { draw } from "../drawing.ts";
import { prepareFile, writeFigure } from "../figure-file.ts";
import { writeAtomically } from "../files.ts";
import { type Estimate, kernelDistance } from "../kernel-distance.ts";
import { count, deviceOption } from "../options.ts";
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
    .description("Draw a chart of quality against steps: how far what samplers draw is from the data, pixel by pixel")
    .requiredOption("--checkpoint <file|dir>", "a .safetensors file or a run folder")
    .option("--data <name>", `what the model has learnt (as its checkpoint says): ${dataHelp}`)
    .addOption(new Option("--samplers <names>", samplerNames.join(", ")).argParser(samplers).default(usual.samplers, usual.samplers.join()))
    .addOption(new Option("--steps <list>", "model calls, with commas").argParser(steps).default(usual.steps, usual.steps.join()))
    .addOption(new Option("--count <n>", "images of each point; more make its error smaller").argParser(count).default(256))
    .addOption(new Option("--seed <n>", "of all that is drawn").argParser((text) => parseValue("seed", text)).default(0))
    .requiredOption("--out <file>", "chart.svg or .png, or .json for the numbers")
    .addOption(deviceOption())
    .action(sweep);
}

async function sweep({ checkpoint: place, data, samplers, steps, count, seed, out, device }: Options): Promise<void> {
  await prepareFile("--out", out, [".svg", ".png", ".json"]);
  const checkpoint = await readCheckpoint(place);
  const { config } = checkpoint;
  const [real, other] = await realImages(data ?? config["data.name"], config, count, seed);
  const elements = size(imageShape(config, 1));
  const floor = kernelDistance(other, real, elements);
  await using backend = await openDevice(device, { purpose: "sample", dtype: "float32", say: (line) => process.stderr.write(`${line}\n`) });
  const results: Result[] = [];
  for (const sampler of samplers) {
    for (const calls of steps) {
      const label = `${sampler} ${calls}`;
      const drawn = await draw(
        backend,
        checkpoint,
        { sampler, steps: calls, clip: true, seed, guidance: 1 },
        { total: count, labels: labelsInTurn(config, count), label },
      );
      results.push({ sampler, steps: calls, distance: kernelDistance(drawn, real, elements) });
      process.stderr.write(`${label}: ${text(results.at(-1)!.distance)}\n`);
    }
  }
  if (extname(out) === ".json") await writeAtomically(out, `${JSON.stringify({ count, seed, floor, results }, undefined, 2)}\n`);
  else await writeFigure(out, await sweepFigure({ count, floor, results }));
  process.stdout.write(`Drew ${samplers.join(", ")} with ${steps.join(", ")} steps; the data are ${text(floor)} from themselves: ${out}\n`);
}

const text = ({ mean, error }: Estimate): string => `${mean.toPrecision(3)} ± ${error.toPrecision(1)}`;

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
  return names;
}

const steps = (text: string): number[] => text.split(",").map(count);
