import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { type Config, type Dataset, shapes } from "@ddpm/core";
import { nearest } from "@ddpm/core/config";
import { missing } from "../missing-file.ts";
import { BrokenImages } from "./broken.ts";
import { fashionMnist } from "./fashion-mnist.ts";
import { imagesOf } from "./images.ts";
import type { Purpose, Wanted } from "./paths.ts";
import { recognise } from "./recognise.ts";
import { requireChannels, type SizeWish, sizeFlags, sizeFor } from "./size.ts";
import type { DecodedSource, Size, Source } from "./source.ts";
import { survey } from "./survey.ts";

export interface DatasetOptions extends SizeWish {
  readonly crop?: Config["data.crop"] | undefined;
  /** Whether the images' classes are needed, or are left out: then any image may replace a broken one. What the data have by default. */
  readonly conditional?: boolean | undefined;
  readonly broken?: BrokenImages | undefined;
  /** Is told what was decided for lack of a wish. */
  readonly say?: ((line: string) => void) | undefined;
}

/** What --data takes. */
export const dataHelp =
  "fashion-mnist, shapes, or a path: a folder or zip of images of any sizes (sub-folders are classes), parquet files with a column of images, " +
  "CIFAR's binary batches, idx files as MNIST's";

const procedural = "shapes";
const named: Readonly<Record<string, (purpose: Purpose) => Promise<Source>>> = { "fashion-mnist": fashionMnist, [procedural]: shapesSource };

/** Whether a data set is known by its name; else it is a path. */
const isNamed = (name: string): boolean => Object.hasOwn(named, name);

/** A data set's name as a run keeps it: a path in whole, so that the run resumes from anywhere. */
export const lastingName = (name: string): string => (isNamed(name) ? name : resolve(name));

/** Opens images by name or path, as they are. Throws where there are none. */
export async function openSource(name: string, wanted: Wanted = "training"): Promise<Source> {
  if (isNamed(name)) return named[name]!(wanted === "tests" ? "tests" : "training");
  if (existsSync(name)) return recognise(name, wanted);
  const meant = nearest(name, Object.keys(named));
  const { found, advice } = meant === undefined ? missing(name, "check the path") : { found: name, advice: `did you mean ${meant}?` };
  throw new Error(`Expected ${dataHelp}, but found ${found}; ${advice}`);
}

/**
 * Opens the images to train on of a data set by name or path. Size and channels are those asked for, else the data's, or the next smaller size that the levels allow.
 * Throws a RangeError with the flags to give where images differ in size, and a TypeError where there are no classes but have to be.
 */
export async function openDataset(name: string, options: DatasetOptions = {}): Promise<Dataset> {
  return name === procedural ? shapesFor("training", options) : datasetOf(await openSource(name), options);
}

/** As `openDataset`, the images for tests, and whether the data tell them from those to train on: where they do not, those are all images. */
export async function openTests(name: string, options: DatasetOptions = {}): Promise<{ readonly tests: Dataset; readonly heldOut: boolean }> {
  if (name === procedural) return { tests: shapesFor("tests", options), heldOut: true };
  const source = await openSource(name, "tests");
  const heldOut = isNamed(name) || source.leftOut !== undefined;
  if (!heldOut) options.say?.(`Taking all of ${source.name}: it has none in test/ or of such a name beside those to train on`);
  return { tests: await datasetOf(source, options), heldOut };
}

/** A data set of images that are opened already; throws as `openDataset` does. */
export async function datasetOf(source: Source, options: DatasetOptions): Promise<Dataset> {
  const { crop = "centre", conditional, broken = new BrokenImages() } = options;
  if (conditional && !source.classes)
    throw new TypeError(
      `Expected classes in ${source.name} for --conditional but found none; ${source.unclassed ?? "sub-folders of images are classes"}`,
    );
  return imagesOf(conditional === false ? withoutClasses(source) : source, { size: await sizeOf(source, options), crop, broken });
}

function withoutClasses(source: Source): Source {
  const { classes: _, label: __, ...rest } = source;
  return rest;
}

/** Of what shapes are drawn, so that those for tests are others. */
const shapeSeeds: Readonly<Record<Purpose, number>> = { training: 0, tests: 1 };

const shapesFor = (purpose: Purpose, size: DatasetOptions = {}) => shapes({ ...size, seed: shapeSeeds[purpose] });

/** As `openDataset` draws them unless a size is asked for. */
async function shapesSource(purpose: Purpose): Promise<DecodedSource> {
  const { height, width, ...rest } = shapesFor(purpose);
  return { ...rest, kind: "drawn by a program", size: { height, width, channels: 1 }, title: (index) => `shape ${index}` };
}

async function sizeOf(source: Source, wish: DatasetOptions): Promise<Size> {
  const { height, width, levels, say = () => {} } = wish;
  const channels = requireChannels(wish.channels);
  if (height && width && channels) return { height, width, channels };
  const found = await survey(source);
  if (found.count === 0)
    throw new SyntaxError(`Expected images in ${source.name} but found none that can be read; look at them with ddpm data inspect`);
  const { size, missing, rounded } = sizeFor(found, wish);
  const [looked, all] = [found.count, source.count].map((n) => n.toLocaleString("en"));
  if (missing.length > 0)
    throw new RangeError(`Expected images of one size but ${looked} have ${found.extent} pixels; add ${sizeFlags(missing, size)}`);
  if (looked !== all) say(`Took the size of images and their channels from ${looked} of ${all}`);
  if (rounded)
    say(`Taking ${size.height}×${size.width} of ${found.extent} pixels, for ${levels} levels; --data.height and --data.width choose another`);
  return size;
}
