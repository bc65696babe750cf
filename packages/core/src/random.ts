/**
 * Philox4x32-10 (Salmon et al. 2011), a counter-based generator: every number is a function of a stream and a position,
 * so nothing has to be saved to resume. Numbers equal those of TensorFlow's `StatelessRandom{Uniform,Normal}V2` with alg 1.
 */

/** Key (low, high) and the 128-bit counter of the first block of four numbers (lowest word first), as int32. */
export type Stream = Int32Array;

/** What a stream's numbers are for; streams of different purposes never overlap. */
export const purposes = {
  weights: 0,
  order: 1,
  flips: 2,
  timesteps: 3,
  noise: 4,
  start: 5,
  steps: 6,
  shapes: 7,
  crops: 8,
  classes: 9,
  dropout: 10,
  bound: 11,
  boundTimesteps: 12,
  evaluation: 13,
} as const;
/** What the numbers of a stream are for. */
export type Purpose = keyof typeof purposes;

/** The stream of `purpose` at `step`; `seed` and `step` are integers in [0, 2^32), `offset` counts blocks of four numbers. */
export function stream(seed: number, purpose: Purpose, step = 0, offset = 0): Stream {
  for (const [name, x] of Object.entries({ seed, step })) {
    if (!Number.isInteger(x) || x < 0 || x >= 2 ** 32) throw new RangeError(`Expected ${name} to be an integer in [0, 2^32) but found ${x}`);
  }
  return Int32Array.of(seed, purposes[purpose], offset, Math.floor(offset / 2 ** 32), step, 0);
}

/** A stream whose offset counts rows of `blocks` blocks, as one that counts blocks. Those of other lanes, integers of 32 bits, share no number with it. */
export const rowsOf = ([keyLow, keyHigh, offset, offsetHigh, step, lane]: Stream, blocks: number, own: number): Stream =>
  Int32Array.of(keyLow!, keyHigh!, offset! * blocks, offsetHigh!, step!, lane! + own);

/** `count` uniform 32-bit integers. */
export function philox([keyLow, keyHigh, ...counter]: Stream, count: number): Uint32Array {
  const words = new Uint32Array(Math.ceil(count / 4) * 4);
  const start = Uint32Array.from(counter);
  for (let i = 0; i < words.length; i += 4) {
    rounds(start, keyLow!, keyHigh!, words, i);
    increment(start);
  }
  return words.subarray(0, count);
}

/** `count` numbers in [0, 1) with 23 random bits each. */
export const uniforms = (stream: Stream, count: number): Float64Array => Float64Array.from(philox(stream, count), toUnit);

/** `count` standard normal numbers by Box and Muller's transform of pairs. */
export function normals(stream: Stream, count: number): Float64Array {
  const words = philox(stream, count + (count & 1));
  const out = new Float64Array(words.length);
  for (let i = 0; i < words.length; i += 2) {
    const radius = Math.sqrt(-2 * Math.log(Math.max(toUnit(words[i]!), 1e-7)));
    const angle = 2 * Math.PI * toUnit(words[i + 1]!);
    out[i] = radius * Math.sin(angle);
    out[i + 1] = radius * Math.cos(angle);
  }
  return out.subarray(0, count);
}

/** x_T of images `first` to `first + count` of a seed: standard normal, [count, ...image]; image i starts at block i·⌈elements/4⌉. */
export function startNoise(seed: number, count: number, elements: number, first = 0): Float32Array {
  const padded = Math.ceil(elements / 4) * 4;
  const numbers = normals(stream(seed, "start", 0, (first * padded) / 4), count * padded);
  return Float32Array.from({ length: count * elements }, (_, i) => numbers[Math.floor(i / elements) * padded + (i % elements)]!);
}

/** The numbers 0 to `count` - 1 in random order (Fisher and Yates). */
export function permutation(stream: Stream, count: number): Uint32Array {
  const order = Uint32Array.from({ length: count }, (_, i) => i);
  const words = philox(stream, count);
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor((words[i]! / 2 ** 32) * (i + 1));
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}

const toUnit = (word: number): number => (word & 0x7fffff) / 0x800000;

/** Ten rounds of the cipher on one counter. */
function rounds(counter: Uint32Array, keyLow: number, keyHigh: number, out: Uint32Array, at: number): void {
  let [a, b, c, d] = [counter[0]!, counter[1]!, counter[2]!, counter[3]!];
  for (let round = 0; round < 10; round++) {
    const high0 = multiplyHigh(0xd2511f53, a);
    const high1 = multiplyHigh(0xcd9e8d57, c);
    const [low0, low1] = [Math.imul(0xd2511f53, a), Math.imul(0xcd9e8d57, c)];
    a = high1 ^ b ^ keyLow;
    b = low1;
    c = high0 ^ d ^ keyHigh;
    d = low0;
    keyLow = (keyLow + 0x9e3779b9) | 0;
    keyHigh = (keyHigh + 0xbb67ae85) | 0;
  }
  out[at] = a;
  out[at + 1] = b;
  out[at + 2] = c;
  out[at + 3] = d;
}

/** The upper half of the 64-bit product of two unsigned 32-bit integers, by halves of 16 bits; no sum exceeds 32 bits. */
function multiplyHigh(x: number, y: number): number {
  const [xh, xl, yh, yl] = [x >>> 16, x & 0xffff, y >>> 16, y & 0xffff];
  const middle0 = Math.imul(xh, yl) + (Math.imul(xl, yl) >>> 16);
  const middle1 = Math.imul(xl, yh) + (middle0 & 0xffff);
  return (Math.imul(xh, yh) + (middle0 >>> 16) + (middle1 >>> 16)) | 0;
}

/** Adds one to a little-endian 128-bit number. */
function increment(counter: Uint32Array): void {
  for (let i = 0; i < counter.length && ++counter[i]! > 0xffffffff; i++);
}
