import { openDevice } from "@ddpm/backend-node";
import {
  averagedWeights,
  type Backend,
  type Config,
  configure,
  type Dataset,
  encodeModel,
  initialState,
  parametersFrom,
  stepsPerEpoch,
} from "@ddpm/core";
import { classifierDefaults, classifierFeeds, classifierStep } from "@ddpm/core/classifier";
import type { ConfigKey } from "@ddpm/core/config";
import { type Command, Option } from "commander";
import { dataHelp, lastingName, openDataset, openTests } from "../data/index.ts";
import { sizeOf } from "../data/size.ts";
import { accuracyOf } from "../evaluation/classifier-file.ts";
import { prepareFile } from "../figure-file.ts";
import { writeAtomically } from "../files.ts";
import { Interrupted, watchInterrupts } from "../interrupt.ts";
import { configOf, configOptions, count, deviceOption } from "../options.ts";
import { progress } from "../progress.ts";
import { say } from "../say.ts";
import { usage } from "../usage-error.ts";

interface Options {
  readonly data: string;
  readonly epochs: number;
  readonly dtype: "F32" | "F16";
  readonly out: string;
  readonly device: string;
}

/** Keys that a classifier heeds. */
const flags: readonly ConfigKey[] = [
  "model.dim",
  "model.dimMults",
  "model.groups",
  "data.height",
  "data.width",
  "data.flip",
  "train.batch",
  "train.lr",
  "seed",
];
const isFlag = (key: ConfigKey): boolean => flags.includes(key);

export function classifierCommand(program: Command): void {
  const command = program
    .command("classifier")
    .description("Train a small classifier on images with classes: its features are what ddpm evaluate --features measures FID and KID in")
    .requiredOption("--data <name>", dataHelp)
    .addOption(new Option("--epochs <n>", "passes over the data").argParser(count).default(10))
    .addOption(new Option("--dtype <type>", "how numbers are stored").choices(["F32", "F16"]).default("F32"))
    .requiredOption("--out <file>", ".safetensors file to write")
    .addOption(deviceOption())
    .action(run);
  configOptions(command, isFlag, classifierDefaults);
}

async function run({ data, epochs, dtype, out, device, ...rest }: Options): Promise<void> {
  await prepareFile("--out", out, [".safetensors"]);
  const given = configOf({ ...rest }, isFlag);
  const levels = (given["model.dimMults"] ?? classifierDefaults["model.dimMults"]).length;
  const wish = { height: given["data.height"], width: given["data.width"], levels, conditional: true, say };
  const dataset = await openDataset(data, wish);
  const steps = epochs * stepsPerEpoch(dataset, given["train.batch"] ?? classifierDefaults["train.batch"]);
  const config = usage(() => configure(classifierDefaults, given, ofData(dataset, data), lasting(steps)));
  await using backend = await openDevice(device, { purpose: "train", dtype: "float32", say });
  say(`Training on ${dataset.name} (${dataset.count} images of ${dataset.classes!.length} classes) with ${backend.name}`);
  const { parameters, step, stopped } = await trained(backend, config, dataset);
  await writeAtomically(out, encodeModel(parameters, { config, step }, { dtype }));
  if (stopped) throw new Interrupted(`Stopped; the classifier after ${step} of ${steps} steps is in ${out}`, stopped);
  const { tests } = await openTests(data, { ...sizeOf(config), conditional: true, say });
  const accuracy = await accuracyOf(backend, out, tests);
  const percent = `${(100 * accuracy).toFixed(2)} % of ${tests.count} images for tests`;
  process.stdout.write(`Trained to step ${step}, tells the class of ${percent}: ${out}\n`);
}

const ofData = (dataset: Dataset, name: string): Partial<Config> => ({
  "data.name": lastingName(name),
  "data.height": dataset.height,
  "data.width": dataset.width,
  "model.channels": dataset.channels,
  "model.classes": [...dataset.classes!],
});

/** All steps, of which the first few warm up. */
const lasting = (steps: number): Partial<Config> => ({
  "train.decaySteps": steps,
  "train.warmup": Math.min(classifierDefaults["train.warmup"], Math.floor(steps / 10)),
});

/** The averaged weights after `train.decaySteps`, or sooner where Ctrl-C came. */
async function trained(backend: Backend, config: Config, dataset: Dataset) {
  const training = classifierStep(config);
  const steps = config["train.decaySteps"];
  await using program = await backend.compile(training.step, initialState(training, config.seed));
  using line = progress("train", steps);
  using interruption = watchInterrupts("Stopping after this step; the classifier is written as it is");
  let step = 0;
  while (step < steps && !interruption.requested) {
    step++;
    const { loss } = await program.run(await classifierFeeds(config, dataset, step));
    line.update(step, { loss: loss![0]!.toFixed(4) });
  }
  return { parameters: parametersFrom(training.scope, await averagedWeights(program, training.scope)), step, stopped: interruption.requested };
}
