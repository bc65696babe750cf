import { Matrix } from "ml-matrix";
import { rowsOf, type Vectors } from "./vectors.ts";

/** Sums of vectors and of their outer products, from which mean and covariance follow; those of sets of vectors add up. */
export class Moments {
  #count = 0;
  readonly #first: Float64Array;
  /** [size, size], of which what is above the diagonal is 0. */
  readonly #second: Float64Array;

  constructor(size: number) {
    this.#first = new Float64Array(size);
    this.#second = new Float64Array(size * size);
  }

  /** Of vectors in parts: `part` tells that of each. */
  static inParts(vectors: Vectors, part: ArrayLike<number>, count: number): Moments[] {
    const parts = Array.from({ length: count }, () => new Moments(vectors.size));
    for (let i = 0; i < rowsOf(vectors); i++) parts[part[i]!]!.add(vectors, i);
    return parts;
  }

  static sum(parts: readonly Moments[]): Moments {
    const sum = new Moments(parts[0]!.#first.length);
    for (const part of parts) sum.#combine(part, 1);
    return sum;
  }

  get count(): number {
    return this.#count;
  }

  /** Adds vector `i`. */
  add({ values, size }: Vectors, i: number): void {
    const [first, second] = [this.#first, this.#second];
    const x = values.subarray(i * size, (i + 1) * size);
    this.#count++;
    for (let a = 0; a < size; a++) {
      first[a]! += x[a]!;
      for (let b = 0; b <= a; b++) second[a * size + b]! += x[a]! * x[b]!;
    }
  }

  /** What is left of these without a part of them. */
  without(part: Moments): Moments {
    const rest = new Moments(this.#first.length);
    rest.#combine(this, 1);
    rest.#combine(part, -1);
    return rest;
  }

  #combine(other: Moments, sign: 1 | -1): void {
    this.#count += sign * other.#count;
    for (let i = 0; i < this.#first.length; i++) this.#first[i]! += sign * other.#first[i]!;
    for (let i = 0; i < this.#second.length; i++) this.#second[i]! += sign * other.#second[i]!;
  }

  mean(): Float64Array {
    return this.#first.map((sum) => sum / this.#count);
  }

  /** The unbiased one, over n - 1. */
  covariance(): Matrix {
    const [mean, size, n] = [this.mean(), this.#first.length, this.#count];
    const covariance = new Matrix(size, size);
    for (let a = 0; a < size; a++) {
      for (let b = 0; b <= a; b++) {
        const value = (this.#second[a * size + b]! - n * mean[a]! * mean[b]!) / (n - 1);
        covariance.set(a, b, value);
        covariance.set(b, a, value);
      }
    }
    return covariance;
  }
}
