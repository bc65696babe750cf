import type { Config, Dataset } from "@ddpm/core";
import { permutation, stream } from "@ddpm/core/random";
import { BrokenImages } from "../data/broken.ts";
import { openDataset, openTests } from "../data/index.ts";
import { say } from "../say.ts";
import type { Chosen } from "./distances.ts";
import { fewestImages } from "./jackknife.ts";

export interface RealOptions {
  readonly height?: number | undefined;
  readonly width?: number | undefined;
  readonly channels?: number | undefined;
  /** Whether their classes are needed. */
  readonly conditional: boolean;
  readonly flip: Config["data.flip"];
  /** Images to learn from that distances are from, at most. */
  readonly most: number;
  /** Images beside those that the floor wants. */
  readonly others: number;
  readonly seed: number;
}

/** The real images of a data set, for what evaluation needs. */
export interface RealImagesOf {
  readonly training: Dataset;
  readonly tests: Dataset;
  /** Whether the data tell images for tests from those to train on. */
  readonly heldOut: boolean;
  /** Images that distances are from, of those that a model learnt from. */
  readonly learnt: Chosen;
  /** Others for the floor: images for tests, or where data do not tell them apart further ones to train on. */
  readonly others: Chosen;
}

/** Opens them. Throws a RangeError where there are too few, a SyntaxError where one cannot be read. */
export async function realImages(name: string, options: RealOptions): Promise<RealImagesOf> {
  const { height, width, channels, conditional, flip, most, others, seed } = options;
  const broken = new BrokenImages({ strict: true, advice: "mend it or take it away; ddpm data inspect finds others" });
  const training = await openDataset(name, { height, width, channels, conditional, broken, say });
  const size = { height: training.height, width: training.width, channels: training.channels };
  const { tests, heldOut } = await openTests(name, { ...size, conditional, broken, say });
  const dataset = heldOut ? tests : training;
  const order = permutation(stream(seed, "evaluation", 2), dataset.count);
  const held = heldOut ? Math.min(others, tests.count) : Math.min(others, Math.floor(training.count / 2));
  const sets = {
    learnt: { dataset: training, indices: heldOut ? spread(training.count, most) : order.slice(held, held + most), flip },
    others: { dataset, indices: order.slice(0, held), flip },
  };
  const [found, foundOthers] = [sets.learnt.indices.length, held];
  if (Math.min(found, foundOthers) < fewestImages)
    throw new RangeError(
      `Expected at least ${fewestImages} images in ${name} and as many others for comparison but found ${found} and ${foundOthers}; choose other --data`,
    );
  return { training, tests, heldOut, ...sets };
}

/** So many of the numbers below `count`, evenly spread. */
const spread = (count: number, most: number): number[] =>
  Array.from({ length: Math.min(count, most) }, (_, i) => Math.floor((i * count) / Math.min(count, most)));
