import { readFile } from "node:fs/promises";
import { type Backend, type Checkpoint, type Config, type Dataset, decodeModel, type State, valuesOf } from "@ddpm/core";
import { type Classifier, classifierScope, compileClassifier } from "@ddpm/core/classifier";
import { unreadable } from "../missing-file.ts";
import { inBatches } from "./batches.ts";
import { labelOf } from "./labels.ts";

export interface ClassifierFile {
  readonly config: Config;
  readonly parameters: State;
}

/** Reads what `ddpm classifier` wrote. Throws a SyntaxError for another file. */
export async function readClassifier(path: string): Promise<ClassifierFile> {
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    const { found, advice } = unreadable(path, error, "give what ddpm classifier wrote, an .onnx file, or pixels");
    throw new Error(`Expected a file of features at ${path} but found ${found}; ${advice}`, { cause: error });
  });
  const { parameters, metadata } = decoded(path, bytes);
  if (!metadata || !fits(parameters, classifierScope(metadata.config)))
    throw new SyntaxError(`Expected a classifier in ${path} but found another model; give what ddpm classifier wrote`);
  return { config: metadata.config, parameters: valuesOf(parameters) };
}

function decoded(path: string, bytes: Uint8Array): Checkpoint {
  try {
    return decodeModel(bytes);
  } catch (error) {
    throw new SyntaxError(`${path}: ${(error as Error).message}`, { cause: error });
  }
}

const fits = (found: ReadonlyMap<string, { readonly shape: readonly number[] }>, { parameters }: ReturnType<typeof classifierScope>): boolean =>
  found.size === parameters.size && [...parameters].every(([name, { shape }]) => `${found.get(name)?.shape}` === `${shape}`);

/** Images of one run. */
export const atOnce = 64;

/** Compiles a classifier that was read for `atOnce` images. */
export const openClassifier = (backend: Backend, { config, parameters }: ClassifierFile): Promise<Classifier> =>
  compileClassifier(backend, config, parameters, atOnce);

/** The share of images, of the size that the classifier has learnt, whose class it tells. */
export async function accuracyOf(backend: Backend, path: string, dataset: Dataset): Promise<number> {
  const file = await readClassifier(path);
  const label = labelOf(file.config, dataset);
  const classes = file.config["model.classes"].length;
  await using classifier = await openClassifier(backend, file);
  let right = 0;
  for await (const { first, count, images } of inBatches(dataset, { batch: atOnce, label: "test" })) {
    const { logits } = await classifier.classify(images);
    for (let i = 0; i < count; i++) right += Number(largest(logits.subarray(i * classes, (i + 1) * classes)) === label(first + i));
  }
  return right / dataset.count;
}

const largest = (values: ArrayLike<number>): number => Array.from(values).reduce((best, x, i) => (x > values[best]! ? i : best), 0);
