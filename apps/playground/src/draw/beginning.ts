import { type Config, type Draw, imageShape, noised, repaint, type Sampler, slerp } from "@ddpm/core";
import { size } from "@ddpm/core/graph";
import { startNoise } from "@ddpm/core/random";
import type { Settings } from "../protocol.ts";

/** What a draw is told of where it starts. Throws as `repaint` does. */
export function beginningOf({ start, seed, labels }: Settings, sampler: Sampler, config: Config): Pick<Draw, "start" | "table" | "keep"> {
  const count = labels.length;
  switch (start.kind) {
    case "noise":
      return {};
    case "seeds":
      return { start: noisesBetween(seed, start.seed2, { count, elements: size(imageShape(config, 1)) }) };
    case "picture": {
      const table = sampler.tableOf(start.strength);
      return { table, start: noised(repeated(start.image, count), { row: table[0]!, count, seed }) };
    }
    case "part":
      return {
        table: repaint(sampler.table, { times: start.times }),
        keep: { known: repeated(start.image, count), mask: start.mask },
      };
  }
}

/** Start noises [count, elements] from the first one of seed `from` to the first one of seed `to`, at even angles. */
function noisesBetween(from: number, to: number, { count, elements }: { count: number; elements: number }): Float32Array {
  const [a, b] = [startNoise(from, 1, elements), startNoise(to, 1, elements)];
  const noises = new Float32Array(count * elements);
  for (let i = 0; i < count; i++) noises.set(slerp(a, b, count > 1 ? i / (count - 1) : 0), i * elements);
  return noises;
}

/** An image as often as there are pictures. */
function repeated(image: Float32Array, count: number): Float32Array {
  const images = new Float32Array(count * image.length);
  for (let i = 0; i < count; i++) images.set(image, i * image.length);
  return images;
}
