/**
 * Workers: processes that make the same steps together, each on its share of a step's images. What depends on an image, its noise, timestep, flip and
 * dropout, is a function of its place in the step, so that any number of workers trains the same run, up to the order of float sums.
 */
import type { Config } from "./config.ts";
import { size } from "./shape.ts";
import { array, concat, Tensor } from "./tensor.ts";

/** Which of how many workers a process is. */
export interface Workers {
  /** From 0. */
  readonly rank: number;
  readonly count: number;
}

/** The workers that a device runs with, and what they tell each other. */
export interface Team extends Workers {
  /** Whether one of them has asked to stop. */
  readonly stopAsked: boolean;
  /** Asks the first worker to stop, who saves and then ends the run. */
  askToStop(): void;
  /** Throws where they are no longer together, as a run of all of them would: one is lost, or the first has ended. */
  check(): void;
}

/** The only worker. */
export const alone: Workers = { rank: 0, count: 1 };

/** Images of one run of a worker: a step is done in `train.accumulate` runs, and all workers have as many, which the last may not fill. */
export const imagesOfRun = (config: Config, { count }: Workers): number => Math.ceil(imagesOfAll(config) / count);

/** Images of one run of all workers. */
export const imagesOfAll = (config: Config): number => config["train.batch"] / config["train.accumulate"];

/** The places in a step, from 0, of a worker's images of a run: [imagesOfRun], -1 where there are none left. */
export function placesOfRun(config: Config, workers: Workers, run: number): Int32Array {
  const [images, all] = [imagesOfRun(config, workers), imagesOfAll(config)];
  const first = workers.rank * images;
  return Int32Array.from({ length: images }, (_, i) => (first + i < all ? run * all + first + i : -1));
}

/** As `placesOfRun`, of all runs of a step one after the other. */
export const placesOfStep = (config: Config, workers: Workers): Int32Array =>
  Int32Array.from(Array.from({ length: config["train.accumulate"] }, (_, run) => [...placesOfRun(config, workers, run)]).flat());

/** Elements of a bucket: 4 MiB, of which a link of 10 Gbit/s takes 3 ms. */
const elementsOfBucket = 2 ** 20;

/**
 * Sums over all workers, started in the order asked for and each as soon as its values are there, so that they run beside the rest of a backward pass.
 * All workers have to ask for the same ones. Of a single worker every sum is the value itself.
 */
export class Reduction {
  readonly #workers: Workers;
  #last: readonly Tensor[] = [];

  constructor(workers: Workers) {
    this.#workers = workers;
  }

  /** The sum of all workers' values. */
  sum(x: Tensor): Tensor {
    if (this.#workers.count === 1) return x;
    const sum = new Tensor("allReduce", [x, ...this.#last], {});
    this.#last = [sum];
    return sum;
  }

  /** The values [n] of all workers, one after the other. */
  gather(x: Tensor): Tensor {
    const { rank, count } = this.#workers;
    if (count === 1) return x;
    const mine = array(
      Array.from({ length: count }, (_, i) => Number(i === rank)),
      count,
      1,
    );
    return this.sum(
      x
        .reshape(1, size(x.shape))
        .gate(mine)
        .reshape(count * size(x.shape)),
    );
  }

  /**
   * The sums of vectors, as one vector: in buckets, the last first, since a backward pass ends with what the model begins with (Li et al. 2020, "PyTorch
   * Distributed", section 3.2).
   */
  pack(vectors: readonly Tensor[]): Tensor {
    if (this.#workers.count === 1) return concat(vectors, 0);
    const sums: Tensor[] = [];
    for (let end = vectors.length; end > 0; ) {
      let start = end;
      for (let elements = 0; start > 0 && elements < elementsOfBucket; ) elements += size(vectors[--start]!.shape);
      sums.unshift(this.sum(concat(vectors.slice(start, end), 0)));
      end = start;
    }
    return concat(sums, 0);
  }
}
