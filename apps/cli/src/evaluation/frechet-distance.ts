import { EigenvalueDecomposition, Matrix } from "ml-matrix";
import type { Estimate } from "./estimate.ts";
import { fewestImages, groups, jackknife } from "./jackknife.ts";
import { rowsOf, type Vectors } from "./vectors.ts";

/** The normal distribution with the mean and the (unbiased) covariance of vectors. */
export interface Gaussian {
  readonly mean: Float64Array;
  readonly covariance: Matrix;
}

export interface FrechetEstimate {
  /** As published: of the normal distributions that fit, which is the larger the fewer the images. */
  readonly plain: number;
  /** Without that bias: about what more and more images would lead to. */
  readonly unbiased: Estimate;
}

/** Of as many features as Inception has, each distance takes minutes. */
const [manyFeatures, fewGroups] = [512, 4] as const;

/**
 * The squared Fréchet distance of two normal distributions, |μ₁ - μ₂|² + tr(C₁ + C₂ - 2(C₁C₂)^½) (Heusel et al. 2017, FID), of one that stays and others.
 * The root's trace is the sum of the roots of the eigenvalues of C₁^½ C₂ C₁^½, which is symmetric.
 */
export class FrechetDistance {
  readonly #real: Gaussian;
  readonly #root: Matrix;

  constructor(real: Gaussian) {
    this.#real = real;
    this.#root = rootOf(real.covariance);
  }

  to({ mean, covariance }: Gaussian): number {
    const apart = mean.reduce((sum, x, i) => sum + (x - this.#real.mean[i]!) ** 2, 0);
    const product = this.#root.mmul(covariance).mmul(this.#root);
    const overlap = eigen(product).realEigenvalues.reduce((sum, x) => sum + Math.sqrt(Math.max(x, 0)), 0);
    return apart + covariance.trace() + this.#real.covariance.trace() - 2 * overlap;
  }

  /** Of vectors, with each part of them left out in turn. Throws a RangeError for fewer than two in a part. */
  estimate(vectors: Vectors): FrechetEstimate {
    const count = rowsOf(vectors);
    if (count < fewestImages) throw new RangeError(`Expected at least ${fewestImages} images to compare but found ${count}; choose more`);
    const n = vectors.size > manyFeatures ? fewGroups : groups;
    const parts = Array.from({ length: n }, (_, part) => new Sums(vectors.size).add(vectors, (i) => i % n === part));
    const all = new Sums(vectors.size);
    for (const part of parts) all.combine(part, 1);
    const plain = this.to(all.gaussian());
    const without = parts.map((part) => {
      const distance = this.to(all.combine(part, -1).gaussian());
      all.combine(part, 1);
      return distance;
    });
    return { plain, unbiased: jackknife(plain, without) };
  }
}

/** Sums of vectors and of their outer products, from which their normal distribution follows; those of sets of vectors add up. */
export class Sums {
  #count = 0;
  readonly #first: Float64Array;
  readonly #second: Float64Array;

  constructor(size: number) {
    this.#first = new Float64Array(size);
    this.#second = new Float64Array(size * size);
  }

  /** Vectors of this size, those that are `chosen` by their place. */
  add({ values, size }: Vectors, chosen: (i: number) => boolean = () => true): this {
    const [first, second] = [this.#first, this.#second];
    for (let i = 0; i < values.length / size; i++) {
      if (!chosen(i)) continue;
      this.#count++;
      const x = values.subarray(i * size, (i + 1) * size);
      for (let a = 0; a < size; a++) {
        first[a]! += x[a]!;
        for (let b = 0; b <= a; b++) second[a * size + b]! += x[a]! * x[b]!;
      }
    }
    return this;
  }

  /** Adds other sums, or takes them away. */
  combine(other: Sums, sign: 1 | -1): this {
    this.#count += sign * other.#count;
    for (const [i, x] of other.#first.entries()) this.#first[i]! += sign * x;
    for (const [i, x] of other.#second.entries()) this.#second[i]! += sign * x;
    return this;
  }

  gaussian(): Gaussian {
    const [count, size] = [this.#count, this.#first.length];
    const mean = this.#first.map((sum) => sum / count);
    const covariance = new Matrix(size, size);
    for (let a = 0; a < size; a++) {
      for (let b = 0; b <= a; b++) {
        const value = (this.#second[a * size + b]! - count * mean[a]! * mean[b]!) / (count - 1);
        covariance.set(a, b, value);
        covariance.set(b, a, value);
      }
    }
    return { mean, covariance };
  }
}

const eigen = (symmetric: Matrix): EigenvalueDecomposition => new EigenvalueDecomposition(symmetric, { assumeSymmetric: true });

function rootOf(covariance: Matrix): Matrix {
  const { eigenvectorMatrix: vectors, realEigenvalues: values } = eigen(covariance);
  const scaled = vectors.clone().mulRowVector(values.map((x) => Math.sqrt(Math.max(x, 0))));
  return scaled.mmul(vectors.transpose());
}
