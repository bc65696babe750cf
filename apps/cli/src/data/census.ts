import type { Facts } from "./decode.ts";

export type Axis = "height" | "width";

interface Counted {
  readonly height: number;
  readonly width: number;
  readonly count: number;
}

/** What images are like, counted as their headers say. */
export class Census {
  count = 0;
  /** How many are not grey, and how many have an alpha channel. */
  colour = 0;
  alpha = 0;
  readonly #formats = new Map<string, number>();
  readonly #sizes = new Map<string, Counted>();

  add({ format, height, width, grey, alpha }: Facts, times = 1): void {
    this.count += times;
    if (!grey) this.colour += times;
    if (alpha) this.alpha += times;
    this.#formats.set(format, (this.#formats.get(format) ?? 0) + times);
    const key = `${height}×${width}`;
    this.#sizes.set(key, { height, width, count: (this.#sizes.get(key)?.count ?? 0) + times });
  }

  /** Formats and how many images have them, the most common first. */
  get formats(): [string, number][] {
    return [...this.#formats].sort(([, a], [, b]) => b - a);
  }

  /** Sizes and how many images have them, the most common first, the smaller of two that are as common. */
  get sizes(): Counted[] {
    return [...this.#sizes.values()].sort((a, b) => b.count - a.count || a.height * a.width - b.height * b.width || a.height - b.height);
  }

  /** From least to most pixels. */
  range(axis: Axis): [number, number] {
    const values = this.sizes.map((size) => size[axis]);
    return [values.reduce((a, b) => Math.min(a, b)), values.reduce((a, b) => Math.max(a, b))];
  }

  /** Height × width, each with its range where images differ. */
  get extent(): string {
    return (["height", "width"] as const).map((axis) => [...new Set(this.range(axis))].join(" to ")).join(" × ");
  }

  /** The median of the shorter sides. */
  get shortSide(): number {
    const sides = this.sizes.map(({ height, width, count }) => ({ side: Math.min(height, width), count })).sort((a, b) => a.side - b.side);
    let left = this.count / 2;
    for (const { side, count } of sides) {
      left -= count;
      if (left <= 0) return side;
    }
    return 0;
  }
}
