import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { type Config, type Dataset, shapes } from "@ddpm/core";
import { BrokenImages } from "./broken.ts";
import { fashionMnist } from "./fashion-mnist.ts";
import { imagesOf } from "./images.ts";
import { recognise } from "./recognise.ts";
import type { Size, Source } from "./source.ts";
import { survey } from "./survey.ts";

export interface DatasetOptions {
  readonly height?: number | undefined;
  readonly width?: number | undefined;
  /** 1 for grey, 3 for colour. */
  readonly channels?: number | undefined;
  readonly crop?: Config["data.crop"] | undefined;
  readonly broken?: BrokenImages | undefined;
}

/** What --data takes. */
export const dataHelp = "fashion-mnist, shapes, or a path: a folder or zip of images (sub-folders are classes), parquet, CIFAR-10's batches, idx";

const procedural = "shapes";
const named: Readonly<Record<string, () => Promise<Source>>> = { "fashion-mnist": fashionMnist };
const isName = (name: string): boolean => name === procedural || Object.hasOwn(named, name);

/** A data set's name as a run keeps it: a path in whole, so that the run resumes from anywhere. */
export const lastingName = (name: string): string => (isName(name) ? name : resolve(name));

/** Opens images by name or path, as they are. Throws where there are none. */
export async function openSource(name: string): Promise<Source> {
  if (Object.hasOwn(named, name)) return named[name]!();
  if (existsSync(name)) return recognise(name);
  throw new Error(`Expected ${dataHelp} but found ${name}`);
}

/** Opens a data set by name or path. Size and channels are those asked for, else the data's. Throws a RangeError where those differ among images. */
export async function openDataset(name: string, options: DatasetOptions = {}): Promise<Dataset> {
  if (name === procedural) return shapes(options);
  const source = await openSource(name);
  const { crop = "centre", broken = new BrokenImages() } = options;
  return imagesOf(source, { size: await sizeOf(source, options), crop, broken });
}

async function sizeOf(source: Source, { height, width, channels }: DatasetOptions): Promise<Size> {
  if (channels !== undefined && channels !== 1 && channels !== 3) throw new RangeError(`Expected 1 or 3 channels of images but found ${channels}`);
  if (height && width && channels) return { height, width, channels };
  const found = await survey(source);
  if (found.length === 0) throw new SyntaxError(`Expected images in ${source.name} but found none that can be read`);
  return {
    height:
      height ??
      common(
        found.map(({ height }) => height),
        "height",
      ),
    width:
      width ??
      common(
        found.map(({ width }) => width),
        "width",
      ),
    channels: channels ?? (found.every(({ grey }) => grey) ? 1 : 3),
  };
}

function common(values: readonly number[], axis: "height" | "width"): number {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  if (least === most) return least;
  throw new RangeError(`Expected images of one ${axis} but found ${least} to ${most} pixels; choose with --data.height and --data.width`);
}
