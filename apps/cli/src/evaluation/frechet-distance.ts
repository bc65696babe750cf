import { EigenvalueDecomposition, type Matrix } from "ml-matrix";
import type { FrechetEstimate } from "./evaluation.ts";
import { groups, jackknife, partsOf } from "./jackknife.ts";
import { Moments } from "./moments.ts";
import { rowsOf, type Vectors } from "./vectors.ts";

/** Features of which a covariance of some hundred megabytes follows. */
export const mostFeatures = 4096;

/** Images for each feature, below which the jackknife leaves bias of higher orders. */
const imagesPerFeature = 4;

/** How many parts are left out in turn: of as many features as Inception has, each distance takes minutes. */
export const partsFor = (features: number): number => (features > 512 ? 4 : groups);

/**
 * The squared Fréchet distance of two normal distributions, |μ₁ - μ₂|² + tr(C₁ + C₂ - 2(C₁C₂)^½) (Heusel et al. 2017, FID), of the real images, given in
 * parts, and others. The root's trace is the sum of the roots of the eigenvalues of C₁^½ C₂ C₁^½, which is symmetric.
 */
export class FrechetDistance {
  readonly #count: number;
  readonly #whole: Side;
  /** With each part left out. */
  readonly #without: readonly Side[];

  constructor(parts: readonly Moments[]) {
    const all = Moments.sum(parts);
    this.#count = all.count;
    this.#whole = sideOf(all);
    this.#without = parts.map((part) => sideOf(all.without(part)));
  }

  /** Parts of both sides are left out together, so that bias and error are those of both. None where vectors are no more than features. */
  estimate(vectors: Vectors): FrechetEstimate | undefined {
    const [count, parts] = [rowsOf(vectors), this.#without.length];
    if (Math.min(count, this.#count) <= vectors.size) return undefined;
    const own = Moments.inParts(vectors, partsOf("compared", count, parts), parts);
    const all = Moments.sum(own);
    const plain = distance(this.#whole, all);
    if (Math.min(count, this.#count) < imagesPerFeature * vectors.size) return { plain };
    const without = own.map((part, i) => distance(this.#without[i]!, all.without(part)));
    return { plain, unbiased: jackknife(plain, without) };
  }
}

/** What is worked out once of one side. */
interface Side {
  readonly mean: Float64Array;
  readonly trace: number;
  /** Of the covariance. */
  readonly root: Matrix;
}

function sideOf(moments: Moments): Side {
  const covariance = moments.covariance();
  return { mean: moments.mean(), trace: covariance.trace(), root: rootOf(covariance) };
}

function distance(side: Side, moments: Moments): number {
  const [mean, covariance] = [moments.mean(), moments.covariance()];
  const apart = mean.reduce((sum, x, i) => sum + (x - side.mean[i]!) ** 2, 0);
  const eigenvalues = eigen(side.root.mmul(covariance).mmul(side.root)).realEigenvalues;
  const overlap = eigenvalues.reduce((sum, x) => sum + Math.sqrt(Math.max(x, 0)), 0);
  return apart + covariance.trace() + side.trace - 2 * overlap;
}

const eigen = (symmetric: Matrix): EigenvalueDecomposition => new EigenvalueDecomposition(symmetric, { assumeSymmetric: true });

function rootOf(covariance: Matrix): Matrix {
  const { eigenvectorMatrix: vectors, realEigenvalues: values } = eigen(covariance);
  const scaled = vectors.clone().mulRowVector(values.map((x) => Math.sqrt(Math.max(x, 0))));
  return scaled.mmul(vectors.transpose());
}
