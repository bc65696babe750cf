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
import { alone, imagesOfAll, imagesOfRun, placesOfRun, placesOfStep, Reduction, type Workers } from "./workers.ts";

/** A step of training as a graph, with the names of what it trains. */
export interface TrainingStep {
  readonly step: Step;
  readonly scope: Scope;
  /** Names of the variables that hold averages of the weights, packed as `Scope.pack` does; the first is `ema`. */
  readonly averages: readonly string[];
}

/**
 * Algorithm 1 of Ho et al. 2020 as one step: draws the noise, predicts from x_t what the objective asks for, and updates parameters, moments and
 * averages. Fed by `trainingFeeds`; its outputs are `loss`, `losses` [images], each image's mean over its elements, unweighted, for importance sampling
 * `trained` [images], the same of what is minimised, and `gradientNorm`: see `update`. All are those of all workers' images, in the order of their places.
 */
export function trainingStep(config: Config, workers: Workers = alone): TrainingStep {
  const batch = imagesOfRun(config, workers);
  const reduction = new Reduction(workers);
  const shape = imageShape(config, batch);
  const scope = new Scope();
  const predict = (xt: Tensor): Tensor => model(scope, xt, input("t", [batch], "int32"), config, { dropout: dropoutOf(config) });
  const { simple, trained } = trainingLosses(config, input("images", shape), gaussian("noise", shape), predict);
  const loss = batchLoss(trained, input("weights", [batch, 1, 1, 1]));
  const mean = (sums: Tensor): Tensor => reduction.gather(sums.mul(batch / size(shape)).reshape(batch));
  const told = { loss: reduction.sum(loss), losses: mean(simple), ...(config["train.timesteps"] === "importance" && { trained: mean(trained) }) };
  const { outputs, updates } = update(scope, loss, config, reduction);
  return { step: { outputs: { ...told, ...outputs }, updates }, scope, averages: [...averages(config).keys()] };
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

/**
 * Images in [-1, 1], [images, height, width, channels], the weight of each one's loss, and the labels where there are classes: see `batch` in dataset.ts.
 * Those of a worker's share, run after run: see `placesOfStep`.
 */
export interface Batch {
  readonly images: Numbers;
  readonly weights: Numbers;
  readonly labels?: readonly number[];
  /** Images of the whole step. */
  readonly count: number;
}

/** A worker's images of step n = 1, 2, … of a run: a function of the configuration, n and the worker alone. */
export const trainingBatch = (dataset: Dataset, config: Config, n: number, workers: Workers = alone): Promise<DatasetBatch> =>
  batch(dataset, {
    seed: config.seed,
    batch: config["train.batch"],
    step: n,
    flip: config["data.flip"],
    places: placesOfStep(config, workers),
  });

/** Which part of a step is fed. */
export interface FeedOptions {
  /** Which run of the step, from 0. */
  readonly run?: number;
  /** The timesteps of all images of the step; uniform ones unless given, as importance sampling requires. */
  readonly drawn?: DrawnTimesteps;
  /** Whose share the batch is. */
  readonly workers?: Workers;
}

/** What a run of step n = 1, 2, … is fed: a function of the configuration, the worker's batch, the step's timesteps, n, the run and the worker alone. */
export function trainingFeeds(
  config: Config,
  batch: Batch,
  n: number,
  { run = 0, drawn = withoutMemory(config).draw(n), workers = alone }: FeedOptions = {},
): Record<string, Numbers> {
  const places = placesOfRun(config, workers, run);
  const [from, to] = [run * places.length, (run + 1) * places.length];
  const elements = size(imageShape(config, 1));
  const first = Math.max(places[0]!, 0);
  const t = places.map((place) => drawn.t[place] ?? 0);
  const labels = classWidth(config) > 0 && labelsOf(config, batch).slice(from, to);
  return {
    images: batch.images.subarray(from * elements, to * elements),
    weights: Float64Array.from(places, (place, i) => (drawn.weights[place] ?? 0) * batch.weights[from + i]!),
    ...(labels && { classes: classRows(config, droppedLabels(config, labels, n, places)) }),
    t,
    ...lossFeeds(config, t),
    noise: stream(config.seed, "noise", n, first * Math.ceil(elements / 4)),
    dropout: stream(config.seed, "dropout", n, first),
    ...updateFeeds(config, n, run),
  };
}

/** What a step of training tells, of all workers' images. */
export interface StepResult {
  readonly loss: number;
  /** Of each image of the step, by its place, padding included: its timestep and its loss, not weighted. */
  readonly t: Int32Array;
  readonly losses: Float64Array;
  /** Norm of the gradient before clipping. */
  readonly gradientNorm: number;
  /** Whether the loss or the gradient was not finite, so that the step changed nothing. */
  readonly skipped: boolean;
}

/** How `runStep` makes a step. */
export interface StepOptions {
  /** Which timesteps, and what learns from them. */
  readonly timesteps?: TimestepSampling;
  /** Whose share the batch is and the program is for. */
  readonly workers?: Workers;
}

/** Makes step n = 1, 2, … with a program of `trainingStep`, in as many runs as `train.accumulate` says; `timesteps` learn from it. */
export async function runStep(
  program: Pick<Program, "run">,
  config: Config,
  batch: Batch,
  n: number,
  { timesteps = withoutMemory(config), workers = alone }: StepOptions = {},
): Promise<StepResult> {
  const drawn = timesteps.draw(n);
  const result = { loss: 0, t: drawn.t, losses: new Float64Array(config["train.batch"]) };
  const minimised: Numbers = new Float64Array(config["train.batch"]);
  const images = imagesOfAll(config);
  let norm = 0;
  for (let run = 0; run < config["train.accumulate"]; run++) {
    const { loss, losses, trained, gradientNorm } = await program.run(trainingFeeds(config, batch, n, { run, drawn, workers }));
    result.loss += loss![0]!;
    result.losses.set(losses!.subarray(0, images), run * images);
    minimised.set((trained ?? losses!).subarray(0, images), run * images);
    norm = gradientNorm![0]!;
  }
  const skipped = !Number.isFinite(norm);
  if (!skipped) timesteps.learn(drawn, minimised, batch.count);
  return { ...result, gradientNorm: norm, skipped };
}

function labelsOf(config: Config, { labels }: Batch): readonly number[] {
  if (!labels)
    throw new TypeError(
      `Expected labels for the ${config["model.classes"].length} classes of the model but found images without; give each its label`,
    );
  return labels;
}

/** The moving average of the weights that a training program holds, by name: what one draws with. */
export const averagedWeights = async (program: Program, scope: Scope): Promise<Map<string, Numbers>> =>
  scope.unpackValues((await program.read(["ema"])).get("ema")!);
