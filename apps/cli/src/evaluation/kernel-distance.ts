import type { Estimate } from "./estimate.ts";
import { fewestImages, groups, standardError } from "./jackknife.ts";
import { rowsOf, type Vectors } from "./vectors.ts";

/**
 * How far the distributions of two sets of vectors are apart: the squared maximum mean discrepancy with the kernel k(x, y) = (x·y/size + 1)³, by its
 * unbiased estimate over all pairs, so that it is about 0 (and may be below) for two sets of one distribution (Bińkowski et al. 2018, KID).
 * The error is the jackknife's, parts of both sets being left out together. Throws a RangeError for fewer than two vectors in a part.
 */
export class KernelDistance {
  readonly #real: Vectors;
  readonly #within: Sums;

  constructor(real: Vectors) {
    this.#real = checked(real);
    this.#within = sumsWithin(real);
  }

  to(vectors: Vectors): Estimate {
    const own = sumsWithin(checked(vectors));
    const between = sumsBetween(vectors, this.#real);
    const apart = (left?: number): number => own.mean(left) + this.#within.mean(left) - 2 * between.mean(left);
    return { mean: apart(), error: standardError(Array.from({ length: groups }, (_, i) => apart(i))) };
  }
}

function checked(vectors: Vectors): Vectors {
  const count = rowsOf(vectors);
  if (count >= fewestImages) return vectors;
  throw new RangeError(`Expected at least ${fewestImages} images to compare but found ${count}; choose more`);
}

/** Sums of the kernel over the pairs of parts, and how many pairs those are. */
class Sums {
  readonly #sums = new Float64Array(groups * groups);
  readonly #pairs = new Float64Array(groups * groups);

  add(a: number, b: number, value: number, weight = 1): void {
    this.#sums[a * groups + b]! += weight * value;
    this.#pairs[a * groups + b]! += weight;
  }

  /** The mean over all pairs, or those without the part `left`. */
  mean(left?: number): number {
    let [sum, pairs] = [0, 0];
    for (let i = 0; i < this.#sums.length; i++) {
      if (i % groups === left || Math.floor(i / groups) === left) continue;
      sum += this.#sums[i]!;
      pairs += this.#pairs[i]!;
    }
    return sum / pairs;
  }
}

/** Over pairs of two different vectors of one set, each of which counts twice. */
function sumsWithin(x: Vectors): Sums {
  const sums = new Sums();
  const count = rowsOf(x);
  for (let i = 0; i < count; i++) for (let j = 0; j < i; j++) sums.add(i % groups, j % groups, kernel(x, i, x, j), 2);
  return sums;
}

function sumsBetween(x: Vectors, y: Vectors): Sums {
  const sums = new Sums();
  const [n, m] = [rowsOf(x), rowsOf(y)];
  for (let i = 0; i < n; i++) for (let j = 0; j < m; j++) sums.add(i % groups, j % groups, kernel(x, i, y, j));
  return sums;
}

function kernel({ values: a, size }: Vectors, i: number, { values: b }: Vectors, j: number): number {
  let dot = 0;
  const [from, to] = [i * size, j * size];
  for (let k = 0; k < size; k++) dot += a[from + k]! * b[to + k]!;
  return (dot / size + 1) ** 3;
}
