/** Neighbouring losses as one: their steps, extremes and mean. */
interface Bucket {
  readonly first: number;
  readonly last: number;
  readonly least: number;
  readonly greatest: number;
  readonly sum: number;
  readonly count: number;
}

type Point = readonly [step: number, loss: number];

/** Buckets of a curve at most, and points of its mean: a run of days stays as quick to draw as one of minutes. */
const most = { buckets: 1000, means: 100 } as const;

/** Losses over steps in bounded memory: a bucket holds as many as all others, and where there are too many buckets, each two become one. */
export class LossCurve {
  #buckets: Bucket[] = [];
  /** Losses that a bucket holds when it is full. */
  #capacity = 1;

  /** Losses come in the order of their steps; those that are not finite are left out. */
  add(step: number, loss: number): void {
    if (!Number.isFinite(loss)) return;
    const bucket = { first: step, last: step, least: loss, greatest: loss, sum: loss, count: 1 };
    const open = this.#buckets.at(-1);
    if (open && open.count < this.#capacity) this.#buckets[this.#buckets.length - 1] = merged([open, bucket]);
    else this.#buckets.push(bucket);
    if (this.#buckets.length <= most.buckets) return;
    this.#buckets = inGroups(this.#buckets, 2);
    this.#capacity *= 2;
  }

  get last(): number {
    return this.#buckets.at(-1)?.last ?? 0;
  }

  /** The least and the greatest loss of each bucket in turn: the width of the noise. */
  band(): Point[] {
    return this.#buckets.flatMap((bucket) => {
      const { least, greatest } = bucket;
      return (least === greatest ? [least] : [least, greatest]).map((loss) => [middle(bucket), loss] as const);
    });
  }

  /** The mean loss of each hundredth of the run. */
  means(): Point[] {
    return inGroups(this.#buckets, Math.ceil(this.#buckets.length / most.means)).map((bucket) => [middle(bucket), bucket.sum / bucket.count]);
  }
}

const middle = ({ first, last }: Bucket): number => (first + last) / 2;

const inGroups = (buckets: readonly Bucket[], size: number): Bucket[] =>
  Array.from({ length: Math.ceil(buckets.length / size) }, (_, i) => merged(buckets.slice(i * size, (i + 1) * size)));

const merged = (buckets: readonly Bucket[]): Bucket =>
  buckets.reduce((a, b) => ({
    first: a.first,
    last: b.last,
    least: Math.min(a.least, b.least),
    greatest: Math.max(a.greatest, b.greatest),
    sum: a.sum + b.sum,
    count: a.count + b.count,
  }));
