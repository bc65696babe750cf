import { type Estimate, estimateOf } from "./estimate.ts";

/** Images of a block: each block gives an estimate of its own. */
const blockSize = 64;

/** Images that an estimate with an error takes. */
export const fewestImages = 2 * blockSize;

/**
 * How far the distributions of two sets of vectors [n, size] are apart: the squared maximum mean discrepancy with the kernel (x·y/size + 1)³, unbiased, so that
 * it is about 0 (and may be below) for two sets of one distribution (Bińkowski et al. 2018). The mean over blocks of 64, whose spread gives the error.
 * Throws a RangeError for less than two blocks.
 */
export function kernelDistance(a: Float32Array, b: Float32Array, size: number): Estimate {
  const blocks = Math.floor(Math.min(a.length, b.length) / size / blockSize);
  if (blocks < 2) throw new RangeError(`Cannot compare ${a.length / size} images with ${b.length / size}, which is fewer than ${fewestImages}`);
  const length = blockSize * size;
  const part = (all: Float32Array, i: number): Float32Array => all.subarray(i * length, (i + 1) * length);
  return estimateOf(Array.from({ length: blocks }, (_, i) => discrepancy(part(a, i), part(b, i), size)));
}

function discrepancy(a: Float32Array, b: Float32Array, size: number): number {
  const n = a.length / size;
  const within = (x: Float32Array): number => (sumOfKernels(x, x, size) - trace(x, size)) / (n * (n - 1));
  return within(a) + within(b) - (2 * sumOfKernels(a, b, size)) / (n * n);
}

function sumOfKernels(a: Float32Array, b: Float32Array, size: number): number {
  let sum = 0;
  for (let i = 0; i < a.length; i += size) for (let j = 0; j < b.length; j += size) sum += kernel(a, i, b, j, size);
  return sum;
}

function trace(a: Float32Array, size: number): number {
  let sum = 0;
  for (let i = 0; i < a.length; i += size) sum += kernel(a, i, a, i, size);
  return sum;
}

function kernel(a: Float32Array, i: number, b: Float32Array, j: number, size: number): number {
  let dot = 0;
  for (let k = 0; k < size; k++) dot += a[i + k]! * b[j + k]!;
  return (dot / size + 1) ** 3;
}
