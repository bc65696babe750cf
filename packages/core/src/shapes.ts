import type { InMemoryDataset } from "./dataset.ts";
import { stream, uniforms } from "./random.ts";

/** Size, number and seed of the pictures; 10,000 grey ones of 28×28 pixels unless told. */
export interface ShapesOptions {
  readonly height?: number | undefined;
  readonly width?: number | undefined;
  /** 1 for grey, 3 for colour. */
  readonly channels?: number | undefined;
  readonly count?: number;
  readonly seed?: number;
}

/** Distance from the outline of a shape within the unit disc, negative inside; y points down. */
type Outline = (x: number, y: number) => number;

const outlines: Readonly<Record<string, Outline>> = {
  disc: (x, y) => Math.hypot(x, y) - 1,
  square: (x, y) => Math.max(Math.abs(x), Math.abs(y)) - 0.7,
  triangle: (x, y) => Math.max(Math.abs(x) * 0.866 - y * 0.5, y) - 0.5,
  ring: (x, y) => Math.abs(Math.hypot(x, y) - 0.75) - 0.25,
  cross: (x, y) => Math.max(Math.min(Math.abs(x), Math.abs(y)) - 0.3, Math.max(Math.abs(x), Math.abs(y)) - 0.95),
};
const classes = Object.keys(outlines);

/**
 * Procedural pictures of one disc, square, triangle, ring or cross each; image i is a function of the seed and i.
 * Throws a RangeError for an impossible size.
 */
export function shapes({ height = 28, width = 28, channels = 1, count = 10_000, seed = 0 }: ShapesOptions = {}): InMemoryDataset {
  if (channels !== 1 && channels !== 3) throw new RangeError(`Expected channels of shapes to be 1 or 3 but found ${channels}`);
  for (const [name, x] of Object.entries({ height, width, count })) {
    if (!Number.isInteger(x) || x < 1) throw new RangeError(`Expected ${name} of shapes to be a positive integer but found ${x}`);
  }
  const random = (index: number): Float64Array => uniforms(stream(seed, "shapes", index), 7);
  const label = (index: number): number => classOf(random(index)[0]!);
  const pixels = (index: number): Uint8Array => draw(random(index), height, width, channels);
  return { name: "shapes", count, height, width, channels, classes, label, pixels };
}

const classOf = (chance: number): number => Math.floor(chance * classes.length);

function draw(random: Float64Array, height: number, width: number, channels: number): Uint8Array {
  const [kind, size, left, top, turn, ...colours] = random as unknown as [number, number, number, number, number, ...number[]];
  const outline = outlines[classes[classOf(kind)]!]!;
  const radius = Math.min(height, width) * (0.3 + 0.12 * size);
  const within = (length: number, place: number): number => length / 2 + (place - 0.5) * (length / 2 - radius);
  const [centreX, centreY] = [within(width, left), within(height, top)];
  const [sin, cos] = [Math.sin((turn - 0.5) * 0.6), Math.cos((turn - 0.5) * 0.6)];
  const [front, back] = channels === 1 ? [[225], [0]] : [hue(colours[0]!, 235), hue(colours[1]!, 60)];
  const out = new Uint8Array(height * width * channels);
  for (let i = 0; i < height * width; i++) {
    const [x, y] = [((i % width) + 0.5 - centreX) / radius, (Math.floor(i / width) + 0.5 - centreY) / radius];
    const coverage = Math.min(Math.max(0.5 - outline(cos * x + sin * y, cos * y - sin * x) * radius, 0), 1);
    for (let c = 0; c < channels; c++) out[i * channels + c] = Math.round(back![c]! + coverage * (front![c]! - back![c]!));
  }
  return out;
}

/** A saturated colour of hue in [0, 1) whose strongest channel is `value`. */
const hue = (hue: number, value: number): number[] =>
  [5, 3, 1].map((offset) => {
    const k = (offset + hue * 6) % 6;
    return value * (1 - 0.85 * Math.max(0, Math.min(k, 4 - k, 1)));
  });
