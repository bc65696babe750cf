import { existsSync } from "node:fs";
import { type Dataset, type ShapesOptions, shapes } from "@ddpm/core";
import { fashionMnist, idxFolder } from "./fashion-mnist.ts";

/** Opens a data set by name or folder; the options are for procedural ones. */
export async function openDataset(name: string, options: ShapesOptions = {}): Promise<Dataset> {
  if (name === "fashion-mnist") return fashionMnist();
  if (name === "shapes") return shapes(options);
  if (existsSync(name)) return idxFolder(name);
  throw new Error(`Expected --data fashion-mnist, shapes or a folder of idx files but found ${name}`);
}
