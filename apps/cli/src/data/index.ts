import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { type Dataset, type ShapesOptions, shapes } from "@ddpm/core";
import { fashionMnist, idxFolder } from "./fashion-mnist.ts";

const named: Readonly<Record<string, (options: ShapesOptions) => Dataset | Promise<Dataset>>> = {
  "fashion-mnist": () => fashionMnist(),
  shapes,
};

/** A data set's name as a run keeps it: a folder by its whole path, so that the run resumes from anywhere. */
export const lastingName = (name: string): string => (Object.hasOwn(named, name) ? name : resolve(name));

/** Opens a data set by name or folder; the options are for procedural ones. */
export async function openDataset(name: string, options: ShapesOptions = {}): Promise<Dataset> {
  if (Object.hasOwn(named, name)) return named[name]!(options);
  if (existsSync(name)) return idxFolder(name);
  throw new Error(`Expected --data fashion-mnist, shapes or a folder of idx files but found ${name}`);
}
