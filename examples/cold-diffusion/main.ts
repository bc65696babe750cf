/** Trains a network to undo a degradation and draws how both rules restore images that it has not seen. */
import { join } from "node:path";
import { tensorflow } from "@ddpm/backend-node";
import {
  averagedWeights,
  type Backend,
  type Config,
  configure,
  type Dataset,
  initialState,
  type Numbers,
  presets,
  type State,
  shapes,
  trainingBatch,
} from "@ddpm/core";
import { batch } from "@ddpm/core/training";
import { Command, InvalidArgumentError, Option } from "commander";
import { coldFeeds, coldStep, degraded, restoration, sample, unseenSeed } from "./cold.ts";
import { type Degradation, type DegradationName, degradationNames, degradations } from "./degradations.ts";
import { fashionMnist } from "./fashion-mnist.ts";
import { type PictureRow, writePicture } from "./picture.ts";

interface Options {
  readonly degradation: DegradationName;
  readonly data: keyof typeof sources;
  readonly steps: number;
  readonly out: string;
}

const sources = {
  shapes: async () => shapes({ height: 16, width: 16 }),
  "fashion-mnist": fashionMnist,
} as const;

/** Images of the data that training does not see, and how many of them the picture shows. */
const [unseen, columns] = [64, 8] as const;

function positive(text: string): number {
  const n = Number(text);
  if (!Number.isInteger(n) || n < 1) throw new InvalidArgumentError("Expected a positive whole number");
  return n;
}

async function run({ degradation: name, data, steps, out }: Options): Promise<void> {
  const dataset = await sources[data]();
  const { height, width, count } = dataset;
  const config = configure(presets.demo, {
    "data.name": data,
    "data.height": height,
    "data.width": width,
    "diffusion.timesteps": 20,
    "train.lrDecay": "cosine",
    "train.decaySteps": steps,
  });
  const degradation = degradations[name](config);
  await using backend = await tensorflow();
  const weights = await train(backend, config, degradation, { ...dataset, count: count - unseen }, steps);
  const rest: Dataset = { name: data, count: unseen, height, width, channels: 1, pixels: (index) => dataset.pixels(count - unseen + index) };
  const { images } = await batch(rest, { seed: config.seed, batch: unseen, step: 1, flip: false });
  const rows = await restoredRows(backend, config, degradation, weights, images);
  for (const { label } of rows) process.stdout.write(`${label.join(": ")}\n`);
  const path = join(out, `${name}.png`);
  await writePicture(path, rows, { columns, height, width, channels: 1 });
  process.stdout.write(`Drew ${path}\n`);
}

/** The averaged weights after `steps` steps. */
async function train(backend: Backend, config: Config, degradation: Degradation, dataset: Dataset, steps: number): Promise<State> {
  const training = coldStep(config);
  await using program = await backend.compile(training.step, initialState(training, config.seed));
  for (let n = 1; n <= steps; n++) {
    const { loss } = await program.run(coldFeeds(config, degradation, await trainingBatch(dataset, config, n), n));
    if (n % 50 === 0 || n === steps) process.stderr.write(`step ${n}/${steps}  loss ${loss![0]!.toFixed(4)}\n`);
  }
  return await averagedWeights(program, training.scope);
}

/** From the most degraded images x_T back: by what the network says of them at once, and by either rule. */
async function restoredRows(backend: Backend, config: Config, degradation: Degradation, weights: State, x0: Float32Array): Promise<PictureRow[]> {
  const { "diffusion.timesteps": timesteps } = config;
  await using program = await backend.compile(restoration(config, unseen), weights);
  const restore = async (xt: Float32Array, t: number) => (await program.run({ xt, t: Int32Array.of(t) }))["x0"]!;
  const degrade = (x0: Numbers, t: number) => degraded(degradation, x0, new Int32Array(unseen).fill(t), unseenSeed);
  const x = degrade(x0, timesteps);
  const row = (name: string, images: Float32Array): PictureRow => ({ label: [name, `mean error ${meanError(images, x0).toFixed(3)}`], images });
  return [
    row("degraded", x),
    row("in one step", Float32Array.from(await restore(x, timesteps))),
    row("naive rule", await sample(x, "naive", { timesteps, restore, degrade })),
    row("improved rule", await sample(x, "improved", { timesteps, restore, degrade })),
    { label: ["original", "not seen in training"], images: x0 },
  ];
}

const meanError = (a: Float32Array, b: Float32Array): number => a.reduce((sum, value, i) => sum + Math.abs(value - b[i]!), 0) / a.length;

await new Command("cold-diffusion")
  .description("Train a network to undo a degradation, and restore unseen images with the naive and the improved rule")
  .addOption(new Option("--degradation <name>", "what takes the place of noise").choices(degradationNames).makeOptionMandatory())
  .addOption(new Option("--data <name>", "images").choices(Object.keys(sources)).default("shapes"))
  .addOption(new Option("--steps <n>", "steps of training").argParser(positive).default(1500))
  .option("--out <folder>", "where the picture goes, named after the degradation", "runs/cold-diffusion")
  .action(run)
  .parseAsync()
  .catch((error: Error) => {
    process.stderr.write(`cold-diffusion: ${error.message}\n`);
    process.exitCode = 1;
  });
