import type { Numbers, Program, Step } from "./backend.ts";
import { classRows, classWidth, droppedLabels } from "./classes.ts";
import { type Config, scheduleFor } from "./config.ts";
import { batch, type Dataset, type DatasetBatch } from "./dataset.ts";
import { qSample } from "./diffusion.ts";
import { gradients } from "./gradient.ts";
import { batchLoss, imageLosses } from "./loss.ts";
import { minSnrWeight, target } from "./objective.ts";
import { adamw, adamwScalars, ema, emaDecay } from "./optimizer.ts";
import { philox, stream } from "./random.ts";
import { extract } from "./schedule.ts";
import { Scope } from "./scope.ts";
import { input, randomNormal, size, type Tensor } from "./tensor.ts";
import { unet } from "./unet.ts";

/** Images as the graph sees them: [batch, height, width, channels]. */
export const imageShape = (config: Config, batch: number): [number, number, number, number] => [
  batch,
  config["data.height"],
  config["data.width"],
  config["model.channels"],
];

/** The U-Net that a configuration describes; `classes` [batch, K + 1] where it has classes. */
export const model = (p: Scope, x: Tensor, t: Tensor, config: Config, classes = classInput(config, x.shape[0]!)): Tensor =>
  unet(
    p,
    x,
    t,
    { dim: config["model.dim"], dimMults: config["model.dimMults"], block: config["model.block"], groups: config["model.groups"] },
    classes,
  );

/** Where a model with classes is fed them. */
function classInput(config: Config, batch: number): Tensor | undefined {
  const width = classWidth(config);
  return width > 0 ? input("classes", [batch, width]) : undefined;
}

/** Standard normal images of the Philox stream that is fed as `name`; image i starts at block i·⌈HWC/4⌉, so that more images only add to fewer. */
export function gaussian(name: string, [batch, ...image]: readonly [number, ...number[]]): Tensor {
  const numbers = randomNormal(input(name, [6], "int32"), batch, Math.ceil(size(image) / 4) * 4);
  return (numbers.shape[1] === size(image) ? numbers : numbers.slice(1, 0, size(image))).reshape(batch, ...image);
}

export interface TrainingStep {
  readonly step: Step;
  readonly scope: Scope;
}

/**
 * Algorithm 1 of Ho et al. 2020 as one step: draws the noise, predicts from x_t what the objective asks for, and updates parameters, moments and
 * averages. Fed by `trainingFeeds`; its outputs are `loss`, and `losses` [batch], each image's mean over its elements, unweighted.
 */
export function trainingStep(config: Config): TrainingStep {
  const batch = config["train.batch"];
  const shape = imageShape(config, batch);
  const coefficient = (name: string): Tensor => input(name, [batch, 1, 1, 1]);
  const [images, noise] = [input("images", shape), gaussian("noise", shape)];
  const coefficients = {
    sqrtAlphasCumprod: coefficient("sqrtAlphasCumprod"),
    sqrtOneMinusAlphasCumprod: coefficient("sqrtOneMinusAlphasCumprod"),
  };
  const xt = qSample(images, noise, coefficients);
  const scope = new Scope();
  const prediction = model(scope, xt, input("t", [batch], "int32"), config);
  const simple = imageLosses(config["train.loss"], target(config["diffusion.objective"], images, noise, coefficients), prediction);
  const weighted = config["train.minSnr"] > 0 ? simple.mul(coefficient("minSnr")) : simple;
  const loss = batchLoss(weighted, coefficient("weights"));
  const losses = simple.mul(batch / size(shape)).reshape(batch);
  return { step: { outputs: { loss, losses }, updates: updates(scope, loss) }, scope };
}

function updates(scope: Scope, loss: Tensor): Record<string, Tensor> {
  const parameters = [...scope.parameters.values()].map(({ tensor }) => tensor);
  const scalars = { rate: input("rate", []), unbias: input("unbias", []), decay: input("decay", []) };
  const { x, m, v } = adamw(scope.pack(parameters), scope.pack(gradients(loss, parameters)), scalars);
  return { ...scope.unpack(x), m, v, ema: ema(x, input("emaDecay", [])) };
}

/** Where training starts: parameters drawn from the seed; moments `m` and `v` zero and average `ema` equal to the parameters, packed as `Scope.pack` does. */
export function initialState({ scope }: TrainingStep, seed: number): Map<string, Numbers> {
  const first = scope.initialValues(seed);
  const zeros = new Float32Array(scope.count);
  return new Map<string, Numbers>([...first, ["m", zeros], ["v", zeros], ["ema", scope.packValues(first)]]);
}

/** Images in [-1, 1], [batch, height, width, channels], the weight of each one's loss, and the labels where there are classes: see `batch` in dataset.ts. */
export interface Batch {
  readonly images: Numbers;
  readonly weights: Numbers;
  readonly labels?: readonly number[];
}

/** The images of step n = 1, 2, … of a run: a function of the configuration and n alone. */
export const trainingBatch = (dataset: Dataset, config: Config, n: number): Promise<DatasetBatch> =>
  batch(dataset, { seed: config.seed, batch: config["train.batch"], step: n, flip: config["data.flip"] });

/** What step n = 1, 2, … is fed: a function of the configuration, the batch and n alone. */
export function trainingFeeds(config: Config, { images, weights, labels }: Batch, n: number): Record<string, Numbers> {
  const constants = scheduleFor(config);
  const { "diffusion.objective": objective, "train.minSnr": gamma } = config;
  const t = timestepsAt(config, n);
  return {
    images,
    weights,
    ...(classWidth(config) > 0 && { classes: trainingClasses(config, labels, n) }),
    t,
    sqrtAlphasCumprod: extract(constants.sqrtAlphasCumprod, t),
    sqrtOneMinusAlphasCumprod: extract(constants.sqrtOneMinusAlphasCumprod, t),
    minSnr: extract(constants.snr, t).map((snr) => minSnrWeight(objective, snr, gamma)),
    noise: stream(config.seed, "noise", n),
    emaDecay: Float64Array.of(emaDecay(config["train.emaDecay"], n)),
    ...scalars(adamwScalars({ lr: config["train.lr"], weightDecay: config["train.weightDecay"] }, n)),
  };
}

function trainingClasses(config: Config, labels: readonly number[] | undefined, n: number): Float32Array {
  if (!labels) throw new TypeError(`Expected labels for the ${config["model.classes"].length} classes of the model but found none with the images`);
  return classRows(config, droppedLabels(config, labels, n));
}

/** Algorithm 1, line 3: t uniform in [0, T), one for each image. */
function timestepsAt(config: Config, n: number): Int32Array {
  const words = philox(stream(config.seed, "timesteps", n), config["train.batch"]);
  return Int32Array.from(words, (word) => Math.floor((word / 2 ** 32) * config["diffusion.timesteps"]));
}

/** The moving average of the weights that a training program holds, by name: what one draws with. */
export const averagedWeights = async (program: Program, scope: Scope): Promise<Map<string, Numbers>> =>
  scope.unpackValues((await program.read(["ema"])).get("ema")!);

const scalars = (values: Readonly<Record<string, number>>): Record<string, Float64Array> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, Float64Array.of(value)]));
