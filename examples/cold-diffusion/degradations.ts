/**
 * What cold diffusion has in place of noise: D(x0, t) for t = 0, …, T with T = `diffusion.timesteps`. D(x0, 0) = x0, and the greater t, the less is left.
 * What is random in it is a function of the image's own seed and not of t, so that D(x0, t) and D(x0, t - 1) have the same hole or the same flakes.
 */
import type { Config, Numbers } from "@ddpm/core";
import { stream, uniforms } from "@ddpm/core/random";

/** D(x0, t) of one image [height, width, channels] in [-1, 1]. */
export type Degradation = (x0: Numbers, t: number, seed: number) => Float32Array;

/** Each for images of a configuration's size: those of Bansal et al. 2022, section 4, made for small images and few steps. */
export const degradations = {
  /** A Gaussian blur, σ growing evenly to a fifth of the image. */
  blur: (config) => separable(config, (n, w) => matrix(n, (i, j) => gaussian(i - j, 0, ((w * n) / 5) ** 2))),

  /** Means over blocks of 1, 2, 4, … pixels a side until four blocks are left; something of both between two sizes. */
  pixelate: (config) =>
    separable(config, (n, w) => {
      const level = w * Math.floor(Math.log2(n / 4));
      const means = (level: number): Matrix => matrix(n, (i, j) => Number(i >> level === j >> level));
      const [fine, coarse] = [means(Math.floor(level)), means(Math.ceil(level))];
      return matrix(n, (i, j) => (1 - (level % 1)) * fine[i]![j]! + (level % 1) * coarse[i]![j]!);
    }),

  /** A grey hole at a place of the image's own: step s cuts out a Gaussian whose variance grows with s. */
  mask: (config) =>
    covered(config, 0, (w, seed) => {
      const [top, left] = uniforms(stream(seed, "noise"), 2).map((u) => (u + 0.5) / 2);
      const steps = config["diffusion.timesteps"];
      const cuts = Array.from({ length: Math.round(w * steps) }, (_, s) => (s + 1) / steps / 45);
      return (y, x) => cuts.reduce((kept, variance) => kept * (1 - gaussian(y - top!, x - left!, variance)), 1);
    }),

  /** White flakes that fall one after the other, in streaks along the image's own wind. */
  snow: (config) =>
    covered(config, 1, (w, seed) => {
      const [wind, ...numbers] = uniforms(stream(seed, "noise"), 1 + 3 * flakes);
      const [sin, cos] = [Math.sin(wind! * Math.PI), Math.cos(wind! * Math.PI)];
      const fallen = Array.from({ length: Math.round(w * flakes) }, (_, i) => numbers.slice(3 * i, 3 * i + 3));
      const flake = (y: number, x: number, size: number): number => gaussian((cos * y + sin * x) / 3, cos * x - sin * y, (0.02 + 0.02 * size) ** 2);
      return (y, x) => fallen.reduce((kept, [top, left, size]) => kept * (1 - flake(y - top!, x - left!, size!)), 1);
    }),
} as const satisfies Record<string, (config: Config) => Degradation>;

export type DegradationName = keyof typeof degradations;
export const degradationNames = Object.keys(degradations) as DegradationName[];

/** In all. */
const flakes = 40;

/** Gaussian with a peak of 1; of variance 0 it is 1 at the peak and 0 elsewhere. */
const gaussian = (y: number, x: number, variance: number): number => Math.exp(-(y * y + x * x) / (2 * variance + Number.MIN_VALUE));

type Matrix = readonly (readonly number[])[];

/** [n, n], every row of weights scaled to a sum of 1. */
const matrix = (n: number, weight: (i: number, j: number) => number): Matrix =>
  Array.from({ length: n }, (_, i) => {
    const row = Array.from({ length: n }, (_, j) => weight(i, j));
    const sum = row.reduce((a, b) => a + b, 0);
    return row.map((w) => w / sum);
  });

/** Multiplies the columns and the rows of an image by the matrices `at` w = t/T for their length. */
function separable(config: Config, at: (n: number, w: number) => Matrix): Degradation {
  const { "data.height": h, "data.width": w, "model.channels": c, "diffusion.timesteps": steps } = config;
  const matrices = Array.from({ length: steps + 1 }, (_, t) => [at(h, t / steps), at(w, t / steps)] as const);
  return (x0, t) => product(matrices[t]![1], product(matrices[t]![0], x0, w * c), c);
}

/** A matrix times x [outer, n, inner] along the middle axis. */
function product(matrix: Matrix, x: Numbers, inner: number): Float32Array {
  const n = matrix.length;
  return Float32Array.from(x, (_, at) => {
    const first = at - (Math.floor(at / inner) % n) * inner;
    return matrix[Math.floor(at / inner) % n]!.reduce((sum, weight, j) => sum + weight * x[first + j * inner]!, 0);
  });
}

/** Covers an image with a colour but for what is `kept` at w = t/T of each place (y, x) in the unit square. */
function covered(config: Config, colour: number, kept: (w: number, seed: number) => (y: number, x: number) => number): Degradation {
  const { "data.height": h, "data.width": w, "model.channels": c, "diffusion.timesteps": steps } = config;
  return (x0, t, seed) => {
    const at = kept(t / steps, seed);
    const shares = Float64Array.from({ length: h * w }, (_, i) => at((Math.floor(i / w) + 0.5) / h, ((i % w) + 0.5) / w));
    return Float32Array.from(x0, (x, i) => shares[Math.floor(i / c)]! * x + (1 - shares[Math.floor(i / c)]!) * colour);
  };
}
