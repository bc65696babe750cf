/**
 * Work in pieces that workers share: an image is a function of seed and number, whoever draws it, so that any number of workers draws the same ones, up to
 * the order of float sums within batches of another size.
 */
import type { Backend, Numbers, Program } from "./backend.ts";
import { input } from "./tensor.ts";
import { alone, Reduction, type Workers } from "./workers.ts";

/** Images of a batch, at most `most`, of which all workers have as many to draw of `total` images: batches as even as they go. */
export function evenBatch(total: number, most: number, { count }: Workers = alone): number {
  const rounds = Math.ceil(total / (most * count));
  return Math.ceil(total / (rounds * count));
}

/** Pieces in rounds of one for each worker, by rank; in the last there may be fewer. */
export const roundsOf = <T>(pieces: readonly T[], { count }: Workers = alone): T[][] =>
  Array.from({ length: Math.ceil(pieces.length / count) }, (_, i) => pieces.slice(i * count, (i + 1) * count));

/** What tells vectors of one length to all workers of a backend, who have to compile it and to gather at the same points of their work. */
export class Gathering implements AsyncDisposable {
  readonly #workers: Workers;
  readonly #program: Program | undefined;

  private constructor(workers: Workers, program?: Program) {
    [this.#workers, this.#program] = [workers, program];
  }

  /** Compiles it for vectors [length]; a worker alone needs nothing. */
  static async compile(backend: Backend, length: number): Promise<Gathering> {
    const { workers = alone } = backend;
    if (workers.count === 1) return new Gathering(workers);
    const all = new Reduction(workers).gather(input("values", [length]));
    return new Gathering(workers, await backend.compile({ outputs: { all } }, new Map()));
  }

  /** The vectors of all workers, by rank. Rejects where one of them is lost. */
  async all(values: Numbers): Promise<Numbers[]> {
    if (!this.#program) return [values];
    const { all } = await this.#program.run({ values });
    return Array.from({ length: this.#workers.count }, (_, rank) => all!.subarray(rank * values.length, (rank + 1) * values.length));
  }

  /** Frees the program that gathers. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#program?.[Symbol.asyncDispose]();
  }
}

/** The vectors of all workers of a backend, by rank; every one has as many numbers. */
export async function gathered(backend: Backend, values: Numbers): Promise<Numbers[]> {
  await using gathering = await Gathering.compile(backend, values.length);
  return await gathering.all(values);
}
