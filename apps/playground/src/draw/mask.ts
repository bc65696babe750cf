/** A place in a picture, in pixels from its top left corner; the middle of the first pixel is (0.5, 0.5). */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/** Which pixels are drawn anew: `values` [height, width] are 1 there, and 0 where the picture is kept. */
export class Mask {
  readonly height: number;
  readonly width: number;
  readonly values: Float32Array<ArrayBuffer>;

  constructor(height: number, width: number) {
    [this.height, this.width, this.values] = [height, width, new Float32Array(height * width)];
  }

  /** How much of the picture is drawn anew, in [0, 1]. */
  get share(): number {
    return this.values.reduce((sum, x) => sum + x) / this.values.length;
  }

  fill(value: 0 | 1): void {
    this.values.fill(value);
  }

  invert(): void {
    for (const [i, x] of this.values.entries()) this.values[i] = 1 - x;
  }

  /** A stroke of a round brush of `diameter` pixels, at least the pixels that it begins and ends in. */
  stroke(from: Point, to: Point, diameter: number, value: 0 | 1): void {
    for (const i of this.values.keys()) if (this.touches(i, from, to, diameter)) this.values[i] = value;
  }

  /** Whether pixel i lies below such a stroke. */
  touches(i: number, from: Point, to: Point, diameter: number): boolean {
    const [column, row] = [i % this.width, Math.floor(i / this.width)];
    const within = ({ x, y }: Point): boolean => Math.floor(x) === column && Math.floor(y) === row;
    return within(from) || within(to) || distance({ x: column + 0.5, y: row + 0.5 }, from, to) <= diameter / 2;
  }
}

/** From a point to the nearest one between `from` and `to`. */
function distance(point: Point, from: Point, to: Point): number {
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const length = dx * dx + dy * dy;
  const along = length > 0 ? ((point.x - from.x) * dx + (point.y - from.y) * dy) / length : 0;
  const w = Math.min(Math.max(along, 0), 1);
  return Math.hypot(point.x - from.x - w * dx, point.y - from.y - w * dy);
}
