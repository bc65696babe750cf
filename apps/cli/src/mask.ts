import type { Config } from "@ddpm/core";
import { pictures } from "./data/pictures.ts";

/**
 * The mask that a picture shows at the size of a configuration's images, [height, width]: 1 where it is white, else 0.
 * Throws a RangeError where nothing is white.
 */
export async function maskAt(path: string, config: Config): Promise<Float32Array> {
  const { values } = await pictures(path, { ...config, "model.channels": 1 }, 1);
  const mask = values.map((x) => (x > 0 ? 1 : 0));
  if (!mask.includes(1)) throw new RangeError(`${path}: Expected white where --image is to be drawn anew but found none; paint some`);
  return mask;
}
