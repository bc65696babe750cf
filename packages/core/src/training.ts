import type { Numbers, Program, Step } from "./backend.ts";
import { type Config, outputChannels } from "./config.ts";
import { batch, type Dataset, type DatasetBatch } from "./dataset.ts";
import { gradients } from "./gradient.ts";
import { batchLoss } from "./loss.ts";
import { adamw, adamwScalars, ema, emaDecay } from "./optimizer.ts";
import { stream } from "./random.ts";
import { Scope } from "./scope.ts";
import { input, randomNormal, size, type Tensor } from "./tensor.ts";
import { uniformTimesteps } from "./timestep-sampling.ts";
import { lossFeeds, trainingLosses } from "./training-loss.ts";
import { unet } from "./unet.ts";

/** Images as the graph sees them: [batch, height, width, channels]. */
export const imageShape = (config: Config, batch: number): [number, number, number, number] => [
  batch,
  config["data.height"],
  config["data.width"],
  config["model.channels"],
];

/** The U-Net that a configuration describes. */
export const model = (p: Scope, x: Tensor, t: Tensor, config: Config): Tensor =>
  unet(p, x, t, {
    dim: config["model.dim"],
    dimMults: config["model.dimMults"],
    block: config["model.block"],
    groups: config["model.groups"],
    outputs: outputChannels(config),
  });

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
 * averages. Fed by `trainingFeeds`; its outputs are `loss`, and `losses` [batch], each image's mean over its elements, unweighted;
 * for importance sampling also `trained` [batch], the same of what is minimised.
 */
export function trainingStep(config: Config): TrainingStep {
  const batch = config["train.batch"];
  const shape = imageShape(config, batch);
  const scope = new Scope();
  const predict = (xt: Tensor): Tensor => model(scope, xt, input("t", [batch], "int32"), config);
  const { simple, trained } = trainingLosses(config, input("images", shape), gaussian("noise", shape), predict);
  const loss = batchLoss(trained, input("weights", [batch, 1, 1, 1]));
  const mean = (sums: Tensor): Tensor => sums.mul(batch / size(shape)).reshape(batch);
  const learnt = config["train.timesteps"] === "importance" && { trained: mean(trained) };
  return { step: { outputs: { loss, losses: mean(simple), ...learnt }, updates: updates(scope, loss) }, scope };
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

/** A batch of images in [-1, 1], [batch, height, width, channels], and the weight of each one's loss: see `batch` in dataset.ts. */
export interface Batch {
  readonly images: Numbers;
  readonly weights: Numbers;
}

/** The images of step n = 1, 2, … of a run: a function of the configuration and n alone. */
export const trainingBatch = (dataset: Dataset, config: Config, n: number): Promise<DatasetBatch> =>
  batch(dataset, { seed: config.seed, batch: config["train.batch"], step: n, flip: config["data.flip"] });

/** What step n = 1, 2, … is fed: a function of the configuration, the batch, n and, unless they are uniform, the timesteps. */
export function trainingFeeds(config: Config, { images, weights }: Batch, n: number, drawn = uniformTimesteps(config, n)): Record<string, Numbers> {
  return {
    images,
    weights: drawn.weights.map((weight, i) => weight * weights[i]!),
    t: drawn.t,
    ...lossFeeds(config, drawn.t),
    noise: stream(config.seed, "noise", n),
    emaDecay: Float64Array.of(emaDecay(config["train.emaDecay"], n)),
    ...scalars(adamwScalars({ lr: config["train.lr"], weightDecay: config["train.weightDecay"] }, n)),
  };
}

/** The moving average of the weights that a training program holds, by name: what one draws with. */
export const averagedWeights = async (program: Program, scope: Scope): Promise<Map<string, Numbers>> =>
  scope.unpackValues((await program.read(["ema"])).get("ema")!);

const scalars = (values: Readonly<Record<string, number>>): Record<string, Float64Array> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, Float64Array.of(value)]));
