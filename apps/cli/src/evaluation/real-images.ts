import { type Config, type Dataset, permutation, stream } from "@ddpm/core";
import { isNamed, openDataset, openSource } from "../data/index.ts";
import type { Chosen } from "./distances.ts";
import { fewestImages } from "./jackknife.ts";

export interface RealOptions {
  readonly height?: number | undefined;
  readonly width?: number | undefined;
  readonly channels?: number | undefined;
  readonly flip: Config["data.flip"];
  /** Images to learn from that distances are from, at most. */
  readonly most: number;
  /** Images not learnt that the floor wants. */
  readonly unseen: number;
  readonly seed: number;
  readonly say: (line: string) => void;
}

export interface RealSets {
  /** Images that a model learnt from. */
  readonly learnt: Chosen;
  /** Images that it did not, or where data do not tell them apart others than `learnt`. */
  readonly unseen: Chosen;
  /** Images for tests, all of them. */
  readonly tests: Dataset;
}

/** The real images of a data set, for what evaluation needs. Throws a RangeError where there are too few. */
export async function realSets(name: string, options: RealOptions): Promise<RealSets> {
  const sets = await setsOf(name, options);
  const [learnt, unseen] = [sets.learnt.indices.length, sets.unseen.indices.length];
  if (Math.min(learnt, unseen) >= fewestImages) return sets;
  throw new RangeError(
    `Expected at least ${fewestImages} images in ${name} and as many that are not learnt but found ${learnt} and ${unseen}; choose other --data`,
  );
}

async function setsOf(name: string, { height, width, channels, flip, most, unseen, seed, say }: RealOptions): Promise<RealSets> {
  const wish = { height, width, channels };
  const training = await openDataset(name, { ...wish, conditional: false, say });
  const { height: h, width: w, channels: c } = training;
  const tests = await openDataset(name, { height: h, width: w, channels: c, purpose: "tests", say });
  const split = isNamed(name) || (await openSource(name, "tests")).leftOut !== undefined;
  if (split) {
    return {
      learnt: { dataset: training, indices: spread(training.count, most), flip },
      unseen: { dataset: tests, indices: permutation(stream(seed, "order", 0), tests.count).subarray(0, unseen), flip },
      tests,
    };
  }
  const order = permutation(stream(seed, "order", 0), training.count);
  const held = Math.min(unseen, Math.floor(training.count / 2));
  return {
    learnt: { dataset: training, indices: order.subarray(held, held + most), flip },
    unseen: { dataset: training, indices: order.subarray(0, held), flip },
    tests,
  };
}

/** So many of the numbers below `count`, evenly spread. */
const spread = (count: number, most: number): number[] =>
  Array.from({ length: Math.min(count, most) }, (_, i) => Math.floor((i * count) / Math.min(count, most)));
