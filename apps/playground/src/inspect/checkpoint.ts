import { type Config, checkModel, drawingFrom, imageShape, knowsNone, modelOf, valuesOf } from "@ddpm/core";
import { size } from "@ddpm/core/graph";
import { decode, type SafetensorsFile } from "@ddpm/core/safetensors";
import type { ModelFacts, TensorFacts } from "../protocol.ts";

/** A checkpoint as the sampler takes it, and what there is to say of it. Throws a SyntaxError or TypeError for a file that is none, a RangeError for a model that is too large for a page. */
export function openCheckpoint(name: string, bytes: Uint8Array) {
  const file = decode(bytes);
  const { parameters, metadata } = modelOf(file);
  if (!metadata)
    throw new TypeError("Expected a checkpoint of ddpm train but its configuration is missing; write one from Python's with ddpm convert");
  checkRoom(metadata.config);
  checkModel(parameters, metadata.config);
  const tensors = tensorsOf(file);
  const count = tensors.reduce((n, { shape }) => n + size(shape), 0);
  const { config, step, scheduler } = metadata;
  const values = valuesOf(parameters);
  const how = { drawing: scheduler && drawingFrom(scheduler, config), knowsNone: knowsNone(config, values) };
  const facts: ModelFacts = { name, config, parameters: count, trained: step, ...how, bytes: bytes.length, tensors };
  return { config, parameters: values, facts };
}

/** What a page has room for: so many numbers of an image, so many classes to choose from. */
const most = { numbers: 2 ** 22, classes: 10_000 };

function checkRoom(config: Config): void {
  const classes = config["model.classes"].length;
  const [, ...image] = imageShape(config, 1);
  if (classes > most.classes)
    throw new RangeError(`Expected a model of at most ${most.classes} classes in this page but found ${classes}; draw with ddpm sample`);
  if (size(image) > most.numbers)
    throw new RangeError(`Expected images of at most ${most.numbers} numbers in this page but found ${image.join(" × ")}; draw with ddpm sample`);
}

/** Every tensor of a file in PyTorch's layout, by name. */
const tensorsOf = ({ tensors }: SafetensorsFile): TensorFacts[] =>
  [...tensors]
    .map(([name, { shape, dtype, data }]) => ({ name, shape, dtype, ...spread(data) }))
    .sort((a, b) => a.name.localeCompare(b.name, "en", { numeric: true }));

function spread(values: Float32Array | Int32Array) {
  let [sum, squares, least, greatest] = [0, 0, Infinity, -Infinity];
  for (const x of values) {
    sum += x;
    squares += x * x;
    least = Math.min(least, x);
    greatest = Math.max(greatest, x);
  }
  const mean = sum / values.length;
  return { mean, deviation: Math.sqrt(Math.max(0, squares / values.length - mean ** 2)), least, greatest };
}
