import { existsSync } from "node:fs";
import { basename, dirname } from "node:path";
import type { Config, Dataset } from "@ddpm/core";
import { size } from "@ddpm/core/graph";
import { missing } from "../missing-file.ts";
import { BrokenImages } from "./broken.ts";
import { imageFolder } from "./image-folder.ts";
import { imagesOf } from "./images.ts";
import { openDataset } from "./index.ts";
import { isImage } from "./paths.ts";
import type { Size } from "./source.ts";

/** What `pictures` takes. */
export const picturesHelp = "an image, or whatever --data of ddpm train takes";

/**
 * The first images at a path, at most so many, resized and cropped to what a configuration's model draws: [count, height, width, channels] in [-1, 1].
 * Throws where there are none or one cannot be read.
 */
export async function pictures(path: string, config: Config, most: number): Promise<{ count: number; values: Float32Array }> {
  const [height, width, channels] = [config["data.height"], config["data.width"], config["model.channels"]];
  const dataset = await open(path, { height, width, channels: channels as Size["channels"] });
  const count = Math.min(dataset.count, most);
  const elements = size([height, width, channels]);
  const values = new Float32Array(count * elements);
  for (let i = 0; i < count; i++) {
    const bytes = await dataset.pixels(i, 0.5);
    values.set(
      Float32Array.from(bytes, (byte) => byte / 127.5 - 1),
      i * elements,
    );
  }
  return { count, values };
}

async function open(path: string, size: Size): Promise<Dataset> {
  if (!existsSync(path) && isImage(basename(path))) {
    const { found, advice } = missing(path, "check the path");
    throw new Error(`Expected an image file at ${path} but found ${found}; ${advice}`);
  }
  const broken = new BrokenImages({ strict: true, advice: "choose a PNG, JPEG or WebP file" });
  if (!isImage(basename(path))) return openDataset(path, { ...size, broken });
  return imagesOf(await imageFolder(dirname(path), [basename(path)]), { size, crop: "centre", broken });
}
