/** Pictures from pictures: where a sampler starts from, and what it is held to. A table of rows and a start say all of it, so the compiled step stays. */
import type { Numbers } from "./backend.ts";
import { startNoise } from "./random.ts";
import type { Row } from "./solvers.ts";
import { input, type Tensor } from "./tensor.ts";

/** Which noise is added to images, and how much. */
export interface Noised {
  /** The first row of the table that goes on from it. */
  readonly row: Pick<Row, "alphaBar">;
  readonly count: number;
  readonly seed: number;
  /** Index of the first image among those of the seed. */
  readonly first?: number;
}

/**
 * Images [count, …] at the level of noise that a table starts at: eq. 4 of Ho et al. 2020. Sampling from there with a table of a `strength` below 1 keeps
 * the images' large features and draws the small ones anew (SDEdit, Meng et al. 2022). Throws a RangeError where they are not `count` images of one size.
 */
export function noised(images: Numbers, { row: { alphaBar }, count, seed, first = 0 }: Noised): Float32Array {
  if (images.length % count !== 0) throw new RangeError(`Cannot make ${count} images of one size of ${images.length} numbers`);
  const [signal, sigma] = [Math.sqrt(alphaBar), Math.sqrt(1 - alphaBar)];
  return startNoise(seed, count, images.length / count, first).map((z, i) => signal * images[i]! + sigma * z);
}

/** What inpainting keeps: `known` images [batch, …] where `mask` [1, height, width, 1] is 0; the rest, where it is 1, is drawn. */
export interface Kept {
  readonly known: Numbers;
  readonly mask: Numbers;
}

/** The names that a step which keeps a part of its images has besides: coefficients of the row, fed, and two variables. */
export const keptNames = { signal: "keptSignal", noise: "keptNoise", known: "known", mask: "mask" } as const;

/** Where the mask is 0, the known image at the level that the step ends at, else what the step drew (Lugmayr et al. 2022, eq. 8). */
export function kept(x: Tensor, z: Tensor, known: Tensor, mask: Tensor): Tensor {
  const atLevel = known.mul(input(keptNames.signal, [])).add(z.mul(input(keptNames.noise, [])));
  return atLevel.add(x.sub(atLevel).mul(mask));
}

/** What is kept, as the variables of `kept`. */
export const keptState = ({ known, mask }: Kept): [string, Numbers][] => [
  [keptNames.known, known],
  [keptNames.mask, mask],
];

/** What `kept` is fed at a row. */
export const keptFeeds = ({ alphaBarNext }: Row): Record<string, Float64Array> => ({
  [keptNames.signal]: Float64Array.of(Math.sqrt(alphaBarNext)),
  [keptNames.noise]: Float64Array.of(Math.sqrt(1 - alphaBarNext)),
});

/** How often RePaint goes back. */
export interface Repaint {
  /** Steps that are gone back at once; unless told a twenty-fifth of the table, as in the paper's experiments (10 of 250). */
  readonly jump?: number;
  /** How often each stretch of as many steps is gone in all. */
  readonly times: number;
}

/**
 * RePaint (Lugmayr et al. 2022, algorithm 1 with jumps): each stretch of `jump` steps but the first is gone `times` times, with noise added between, so that
 * what is drawn comes to fit what is known. A step followed by such noise is again a row. Throws a RangeError for less than one step or time, or more than
 * 1000 times, and for a table that is all one stretch, a TypeError for tables whose rows depend on the step before.
 */
export function repaint(table: readonly Row[], { jump = Math.max(1, Math.round(table.length / 25)), times }: Repaint): Row[] {
  for (const [name, n] of Object.entries({ jump, times }))
    if (!Number.isInteger(n) || n < 1 || n > mostTimes)
      throw new RangeError(`Expected ${name} to be a whole number from 1 to ${mostTimes} but found ${n}`);
  if (times > 1 && jump >= table.length)
    throw new RangeError(`Expected more than ${jump} steps to repaint stretches of ${jump} but found ${table.length}; take more steps`);
  if (times > 1 && table.some(({ C }) => C !== 0))
    throw new TypeError(
      "Expected a sampler of independent steps to repaint with but found one whose steps build on each other; choose ddpm, ddim or euler",
    );
  const first = table.length % jump || jump;
  const stretches = Array.from({ length: Math.ceil(table.length / jump) - 1 }, (_, i) => table.slice(first + i * jump, first + (i + 1) * jump));
  return [...table.slice(0, first), ...stretches.flatMap((rows) => again(rows, times))];
}

const mostTimes = 1000;

/** The rows `times` times, back at the level of the first after all but the last time. */
function again(rows: readonly Row[], times: number): Row[] {
  const back = [...rows.slice(0, -1), renoised(rows.at(-1)!, rows[0]!.alphaBar)];
  return [...Array.from({ length: times - 1 }, () => back).flat(), ...rows];
}

/**
 * A row, and then noise up to the level of `alphaBar`: x″ = √r·x′ + √(1 - r)·z with r = alphaBar / alphaBarNext. Of a learned variance the middle of its range
 * is taken, since the noise that follows drowns the difference.
 */
function renoised(row: Row, alphaBar: number): Row {
  const r = alphaBar / row.alphaBarNext;
  const s = Math.sqrt(r);
  return { ...row, A: s * row.A, B: s * row.B, C: s * row.C, D: s * row.D, E: Math.sqrt(r * row.E ** 2 + 1 - r), F: 0, alphaBarNext: alphaBar };
}

/** Along the sphere from `a` to `b` (Shoemake 1985), w in [0, 1], so that what lies between two noises is as large as noise. Throws a RangeError for lengths that differ. */
export function slerp(a: Numbers, b: Numbers, w: number): Float32Array {
  if (a.length !== b.length) throw new RangeError(`Cannot go from a noise of ${a.length} numbers to one of ${b.length}`);
  const dot = (x: Numbers, y: Numbers): number => Float64Array.from(x, (value, i) => value * y[i]!).reduce((sum, product) => sum + product, 0);
  const angle = Math.acos(Math.min(Math.max(dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b)), -1), 1));
  const [p, q] = Math.sin(angle) < 1e-6 ? [1 - w, w] : [Math.sin((1 - w) * angle) / Math.sin(angle), Math.sin(w * angle) / Math.sin(angle)];
  return Float32Array.from(a, (x, i) => p * x + q * b[i]!);
}
