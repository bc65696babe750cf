import type { Numbers, Program, Step } from "./backend.ts";
import { classRows, classWidth, droppedLabels } from "./classes.ts";
import type { Config } from "./config.ts";
import { batch, type Dataset, type DatasetBatch } from "./dataset.ts";
import { batchLoss } from "./loss.ts";
import { gaussian, imageShape, model } from "./model.ts";
import { type Dropout, dropout } from "./nn.ts";
import { stream } from "./random.ts";
import { Scope } from "./scope.ts";
import { size } from "./shape.ts";
import { input, type Tensor } from "./tensor.ts";
import { type DrawnTimesteps, type TimestepSampling, withoutMemory } from "./timestep-sampling.ts";
import { lossFeeds, trainingLosses } from "./training-loss.ts";
import { averages, update, updateFeeds } from "./update.ts";

/** A step of training as a graph, with the names of what it trains. */
export interface TrainingStep {
  readonly step: Step;
  readonly scope: Scope;
  /** Names of the variables that hold averages of the weights, packed as `Scope.pack` does; the first is `ema`. */
  readonly averages: readonly string[];
}

/** Images of one run: a step is done in `train.accumulate` runs. */
const imagesOfRun = (config: Config): number => config["train.batch"] / config["train.accumulate"];

/**
 * Algorithm 1 of Ho et al. 2020 as one step: draws the noise, predicts from x_t what the objective asks for, and updates parameters, moments and
 * averages. Fed by `trainingFeeds`; its outputs are `loss`, `losses` [images], each image's mean over its elements, unweighted, for importance sampling
 * `trained` [images], the same of what is minimised, and `gradientNorm`: see `update`.
 */
export function trainingStep(config: Config): TrainingStep {
  const batch = imagesOfRun(config);
  const shape = imageShape(config, batch);
  const scope = new Scope();
  const predict = (xt: Tensor): Tensor => model(scope, xt, input("t", [batch], "int32"), config, { dropout: dropoutOf(config) });
  const { simple, trained } = trainingLosses(config, input("images", shape), gaussian("noise", shape), predict);
  const loss = batchLoss(trained, input("weights", [batch, 1, 1, 1]));
  const mean = (sums: Tensor): Tensor => sums.mul(batch / size(shape)).reshape(batch);
  const learnt = config["train.timesteps"] === "importance" && { trained: mean(trained) };
  const { outputs, updates } = update(scope, loss, config);
  return { step: { outputs: { loss, losses: mean(simple), ...learnt, ...outputs }, updates }, scope, averages: [...averages(config).keys()] };
}

function dropoutOf({ "model.dropout": rate }: Config): Dropout | undefined {
  const numbers = input("dropout", [6], "int32");
  return rate > 0 ? (p, x) => dropout(p, x, rate, numbers) : undefined;
}

/** Where training starts: parameters drawn from the seed; averages equal to them and moments zero, packed as `Scope.pack` does. */
export function initialState(training: TrainingStep, seed: number): Map<string, Numbers> {
  const { scope, averages } = training;
  const first = scope.initialValues(seed);
  const packed = scope.packValues(first);
  const moments = ["m", "v"].map((name) => [name, new Float32Array(scope.count)] as const);
  return new Map<string, Numbers>([...first, ...moments, ...averages.map((name) => [name, packed] as const), ...passingState(training)]);
}

/** The part of a training's state that means nothing between steps, so that nobody need save it. */
export const passingState = ({ step, scope }: TrainingStep): Map<string, Numbers> =>
  new Map("g" in step.updates! ? [["g", new Float32Array(scope.count)]] : []);

/** Images in [-1, 1], [batch, height, width, channels], the weight of each one's loss, and the labels where there are classes: see `batch` in dataset.ts. */
export interface Batch {
  readonly images: Numbers;
  readonly weights: Numbers;
  readonly labels?: readonly number[];
}

/** The images of step n = 1, 2, … of a run: a function of the configuration and n alone. */
export const trainingBatch = (dataset: Dataset, config: Config, n: number): Promise<DatasetBatch> =>
  batch(dataset, { seed: config.seed, batch: config["train.batch"], step: n, flip: config["data.flip"] });

/** Which part of a step is fed. */
export interface FeedOptions {
  /** Which run of the step, from 0. */
  readonly run?: number;
  /** The timesteps of all images of the step; uniform ones unless given, as importance sampling requires. */
  readonly drawn?: DrawnTimesteps;
}

/** What a run of step n = 1, 2, … is fed: a function of the configuration, the step's batch and timesteps, n and the run alone. */
export function trainingFeeds(
  config: Config,
  batch: Batch,
  n: number,
  { run = 0, drawn = withoutMemory(config).draw(n) }: FeedOptions = {},
): Record<string, Numbers> {
  const count = imagesOfRun(config);
  const first = run * count;
  const elements = size(imageShape(config, 1));
  const t = drawn.t.subarray(first, first + count);
  return {
    images: batch.images.subarray(first * elements, (first + count) * elements),
    weights: drawn.weights.subarray(first, first + count).map((weight, i) => weight * batch.weights[first + i]!),
    ...(classWidth(config) > 0 && { classes: classRows(config, labelsAt(config, batch, n).slice(first, first + count)) }),
    t,
    ...lossFeeds(config, t),
    noise: stream(config.seed, "noise", n, first * Math.ceil(elements / 4)),
    dropout: stream(config.seed, "dropout", n, first),
    ...updateFeeds(config, n, run),
  };
}

/** What a step of training tells. */
export interface StepResult {
  readonly loss: number;
  /** Of each image of the step, padding included: its timestep and its loss, not weighted. */
  readonly t: Int32Array;
  readonly losses: Float64Array;
  /** Norm of the gradient before clipping. */
  readonly gradientNorm: number;
  /** Whether the loss or the gradient was not finite, so that the step changed nothing. */
  readonly skipped: boolean;
}

/** Makes step n = 1, 2, … with a program of `trainingStep`, in as many runs as `train.accumulate` says; `timesteps` learn from it. */
export async function runStep(
  program: Program,
  config: Config,
  batch: Batch,
  n: number,
  timesteps: TimestepSampling = withoutMemory(config),
): Promise<StepResult> {
  const drawn = timesteps.draw(n);
  const result = { loss: 0, t: drawn.t, losses: new Float64Array(config["train.batch"]) };
  const minimised: Numbers = new Float64Array(config["train.batch"]);
  let norm = 0;
  for (let run = 0; run < config["train.accumulate"]; run++) {
    const { loss, losses, trained, gradientNorm } = await program.run(trainingFeeds(config, batch, n, { run, drawn }));
    result.loss += loss![0]!;
    result.losses.set(losses!, run * losses!.length);
    minimised.set(trained ?? losses!, run * losses!.length);
    norm = gradientNorm![0]!;
  }
  const skipped = !Number.isFinite(norm);
  if (!skipped) timesteps.learn(drawn, minimised, batch.weights.filter((weight) => weight > 0).length);
  return { ...result, gradientNorm: norm, skipped };
}

function labelsAt(config: Config, { labels }: Batch, n: number): (number | undefined)[] {
  if (!labels)
    throw new TypeError(
      `Expected labels for the ${config["model.classes"].length} classes of the model but found images without; give each its label`,
    );
  return droppedLabels(config, labels, n);
}

/** The moving average of the weights that a training program holds, by name: what one draws with. */
export const averagedWeights = async (program: Program, scope: Scope): Promise<Map<string, Numbers>> =>
  scope.unpackValues((await program.read(["ema"])).get("ema")!);
