import type { Estimate } from "./evaluation.ts";
import { groups, partsOf, standardError } from "./jackknife.ts";
import { rowsOf, type Vectors } from "./vectors.ts";

/**
 * How far the distributions of two sets of vectors are apart: the squared maximum mean discrepancy with the kernel k(x, y) = (x·y/size + 1)³, by its
 * unbiased estimate over all pairs, so that it is about 0 (and may be below) for two sets of one distribution (Bińkowski et al. 2018, KID).
 * The error is the jackknife's, parts of both sets being left out together. Throws as `partsOf` does.
 */
export class KernelDistance {
  readonly #real: InParts;
  readonly #within: KernelSums;

  constructor(real: Vectors) {
    this.#real = { vectors: real, part: partsOf("real", rowsOf(real)) };
    this.#within = within(this.#real);
  }

  to(vectors: Vectors): Estimate {
    const compared = { vectors, part: partsOf("compared", rowsOf(vectors)) };
    const [own, both] = [within(compared), between(compared, this.#real)];
    const apart = (left?: number): number => own.mean(left) + this.#within.mean(left) - 2 * both.mean(left);
    return { mean: apart(), error: standardError(Array.from({ length: groups }, (_, i) => apart(i))) };
  }
}

interface InParts {
  readonly vectors: Vectors;
  /** Of each vector. */
  readonly part: Uint8Array;
}

/** Sums of the kernel over the pairs of parts, and how many pairs those are. */
class KernelSums {
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
function within({ vectors, part }: InParts): KernelSums {
  const sums = new KernelSums();
  for (let i = 0; i < part.length; i++) for (let j = 0; j < i; j++) sums.add(part[i]!, part[j]!, kernel(vectors, i, vectors, j), 2);
  return sums;
}

function between({ vectors, part }: InParts, other: InParts): KernelSums {
  const sums = new KernelSums();
  for (let i = 0; i < part.length; i++)
    for (let j = 0; j < other.part.length; j++) sums.add(part[i]!, other.part[j]!, kernel(vectors, i, other.vectors, j));
  return sums;
}

function kernel({ values: a, size }: Vectors, i: number, { values: b }: Vectors, j: number): number {
  let dot = 0;
  const [from, to] = [i * size, j * size];
  for (let k = 0; k < size; k++) dot += a[from + k]! * b[to + k]!;
  return (dot / size + 1) ** 3;
}
