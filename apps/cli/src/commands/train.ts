import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { openDevice } from "@ddpm/backend-node";
import { type Config, configure, type Dataset, presets, stepsPerEpoch } from "@ddpm/core";
import { configWarnings, defaults } from "@ddpm/core/config";
import { type Command, InvalidArgumentError, Option } from "commander";
import { BrokenImages } from "../data/broken.ts";
import { type DatasetOptions, dataHelp, lastingName, openDataset } from "../data/index.ts";
import { configOf, configOptions, count, deviceOption } from "../options.ts";
import { refuseBeyondDecay, refuseContradictions, resumed, withDecay, withThreads } from "../run-config.ts";
import { RunFolder } from "../run-folder.ts";
import { say } from "../say.ts";
import { trainLoop } from "../training-loop.ts";
import { UsageError, usage } from "../usage-error.ts";
import { asWorker, writes } from "../workers/worker.ts";

interface Options {
  readonly data?: string;
  readonly out: string;
  readonly preset: keyof typeof presets;
  readonly steps?: number;
  readonly epochs?: number;
  readonly conditional?: true;
  readonly resume?: true;
  readonly strict?: true;
  readonly device: string;
  readonly checkpointEvery?: Partial<Config>;
  readonly deterministic?: true;
  readonly dtype?: Config["train.dtype"];
}

export function trainCommand(program: Command): void {
  const command = program
    .command("train")
    .description("Train a model; --steps and --epochs are totals from step 0")
    .option("--data <name>", dataHelp)
    .requiredOption("--out <dir>", "run folder: checkpoints, log, TensorBoard events, sample grids")
    .addOption(new Option("--preset <name>", "a set of configuration values").choices(Object.keys(presets)).default("notebook"))
    .addOption(new Option("--steps <n>", "steps in all").argParser(count).conflicts("epochs"))
    .addOption(new Option("--epochs <n>", "passes over the data in all (1 if neither is given)").argParser(count))
    .option("--conditional", "tell the model each image's class, so that one can ask for a class: ddpm sample --class")
    .option("--resume", "go on with the run in --out")
    .addOption(
      new Option("--checkpoint-every <often>", "steps between checkpoints, or a time as 30s, 10m or 2h after which one is made besides")
        .argParser(checkpointEvery)
        .conflicts(["train.checkpointEvery", "train.checkpointMinutes"]),
    )
    .option("--strict", "end at the first image that cannot be read, which is otherwise replaced by the next, with --conditional of its class")
    .addOption(deviceOption())
    .addOption(new Option("--deterministic", "short for --train.deterministic").conflicts("train.deterministic"))
    .addOption(new Option("--dtype <type>", "short for --train.dtype").choices(["float32", "bf16"]).conflicts("train.dtype"))
    .action(train);
  configOptions(command, (key) => key !== "data.name" && key !== "model.classes");
}

async function train(options: Options, command: Command): Promise<void> {
  const worker = asWorker(options.device);
  const first = writes(worker);
  const folder = new RunFolder(resolve(options.out));
  const flags: Partial<Config> = {
    ...configOf({ ...options }),
    ...options.checkpointEvery,
    ...(options.deterministic && { "train.deterministic": true }),
    ...(options.dtype && { "train.dtype": options.dtype }),
    ...(options.data && { "data.name": lastingName(options.data) }),
  };
  const exists = first ? await folder.exists() : options.resume === true;
  if (exists && !options.resume)
    throw new Error(`Expected a new folder but found a run in ${options.out}; add --resume to go on with it or choose another --out`);
  if (!exists && options.resume)
    throw new Error(`Expected a run to resume in ${options.out} but found no config.json; leave --resume out to start one`);
  const preset = command.getOptionValueSource("preset") === "cli" ? settingsOf(presets[options.preset]) : {};
  const saved = exists ? resumed(await folder.config(), flags, { preset, conditional: options.conditional ?? false }) : undefined;
  const broken = new BrokenImages(options);
  const levels = (saved ?? { ...presets[options.preset], ...flags })["model.dimMults"].length;
  const conditional = options.conditional ?? (saved !== undefined && saved["model.classes"].length > 0);
  const dataset = await open(saved ?? flags, { conditional, broken, levels, say });
  const ofData = fromData(dataset, conditional);
  const given = saved ?? usage(() => configure(presets[options.preset], ofData, flags));
  refuseContradictions({ ...given, ...ofData }, given, "the data");
  const steps = options.steps ?? (options.epochs ?? 1) * stepsPerEpoch(dataset, given["train.batch"]);
  if (saved) refuseBeyondDecay(saved, steps);
  const cores = worker?.cores ?? availableParallelism();
  const config = withThreads(saved ?? withDecay(given, steps), cores);
  for (const warning of configWarnings(config)) say(warning);
  if (first) await folder.prepare();
  await using _lock = first ? await folder.lock() : undefined;
  await using backend = await openDevice(options.device, {
    purpose: "train",
    dtype: config["train.dtype"],
    threads: config["train.threads"] || cores,
    deterministic: config["train.deterministic"],
    cluster: worker,
    say,
  });
  if (first) await folder.create(config);
  if (backend.name.endsWith("GPU") && !config["train.deterministic"])
    say("A GPU adds in any order, so that the last bits differ from run to run; --deterministic makes them the same, if slower");
  say(`Training on ${dataset.name} (${dataset.count} images of ${dataset.height}×${dataset.width}×${dataset.channels}) with ${backend.name}`);
  try {
    const { seconds, wait } = await trainLoop({ backend, config, dataset, folder, steps, resume: exists });
    if (seconds > 0) say(`Waited for images ${((100 * wait) / seconds).toFixed(1)} % of the time`);
  } finally {
    if (broken.count > 0) say(`Left out ${broken.count} of ${dataset.count} images, which cannot be read: ${broken}`);
  }
  if (!first) return;
  process.stdout.write(
    `Trained to step ${steps}: ${folder.file("model.safetensors")}\nNext: npx ddpm sample --checkpoint ${options.out} --out grid.png\n`,
  );
}

/** `--checkpoint-every` as the configuration that it is short for. */
function checkpointEvery(text: string): Partial<Config> {
  const [, time, unit] = /^(\d+(?:\.\d+)?)([smh])$/.exec(text) ?? [];
  const minutes = { s: 1 / 60, m: 1, h: 60 }[unit ?? ""];
  if (minutes !== undefined && Number(time) > 0) return { "train.checkpointMinutes": Number(time) * minutes };
  if (/^[1-9]\d*$/.test(text)) return { "train.checkpointEvery": Number(text) };
  throw new InvalidArgumentError("Expected a number of steps, or a time as 30s, 10m or 2h");
}

const open = (config: Partial<Config>, options: DatasetOptions): Promise<Dataset> => {
  if (!config["data.name"]) throw new UsageError(`Expected --data with ${dataHelp} but found none; add it`);
  const [height, width, channels] = [config["data.height"], config["data.width"], config["model.channels"]];
  return openDataset(config["data.name"], { height, width, channels, crop: config["data.crop"], ...options });
};

function fromData({ height, width, channels, classes }: Dataset, conditional: boolean): Partial<Config> {
  return { "data.height": height, "data.width": width, "model.channels": channels, "model.classes": conditional ? classes! : [] };
}

/** What a preset sets: where it differs from the defaults. */
const settingsOf = (preset: Config): Partial<Config> =>
  Object.fromEntries(Object.entries(preset).filter(([key, value]) => JSON.stringify(value) !== JSON.stringify(defaults[key as keyof Config])));
