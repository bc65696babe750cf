import { startNoise } from "@ddpm/core";

/**
 * Start noises [count, elements] from the first one of seed `from` to the first one of seed `to`, at even angles. Spherical, since a straight
 * line between two high-dimensional normal vectors leads through shorter ones, which the model has never seen.
 */
export function noisesBetween(from: number, to: number, count: number, elements: number): Float32Array {
  const [a, b] = [startNoise(from, 1, elements), startNoise(to, 1, elements)];
  const noises = new Float32Array(count * elements);
  for (let i = 0; i < count; i++) noises.set(slerp(a, b, count > 1 ? i / (count - 1) : 0), i * elements);
  return noises;
}

/** Spherical interpolation (Shoemake 1985): `a` where `s` is 0, `b` where it is 1. */
function slerp(a: Float32Array, b: Float32Array, s: number): Float32Array {
  const angle = Math.acos(Math.min(Math.max(dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b)), -1), 1));
  if (angle < 1e-6) return a;
  const [p, q] = [Math.sin((1 - s) * angle) / Math.sin(angle), Math.sin(s * angle) / Math.sin(angle)];
  return a.map((value, i) => p * value + q * b[i]!);
}

const dot = (a: Float32Array, b: Float32Array): number => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
