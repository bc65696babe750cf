/** Vega-Lite's axis and scale of a panel, and whether they became logarithmic. */
export interface Axis {
  readonly logarithmic: boolean;
  readonly axis: {
    readonly title: string;
    readonly tickCount?: number;
    readonly values?: number[];
    readonly format?: string;

    readonly labelExpr?: string;
  };
  readonly scale: { readonly type?: "log"; readonly nice?: boolean; readonly zero?: boolean; readonly domain?: [number, number] };
}

/** The axis for these values: from 0, or logarithmic over those above 0 where that is asked for and there are any. */
export function axisOf(title: string, all: readonly number[], { logarithmic = false }: { readonly logarithmic?: boolean } = {}): Axis {
  const plain = { title, tickCount: 6 };
  const domain = logarithmic ? positiveRange(all) : undefined;
  if (domain) {
    const values = ticks(domain);
    const own = values.length < 3 ? plain : { title, values }; // where there are few, Vega's own are better, though too many elsewhere
    return { logarithmic: true, axis: { ...own, labelExpr: label }, scale: { type: "log", nice: false, domain } };
  }
  const nothing = all.length > 0 && all.every((value) => value === 0); // a range without width, of which Vega makes ticks 0.000000
  return nothing
    ? { logarithmic: false, axis: { ...plain, values: [0], format: "d" }, scale: { domain: [-1, 1] } }
    : { logarithmic: false, axis: plain, scale: { zero: true } };
}

/** The least and the greatest value above 0 with a little room, or around it where there is only one; nothing where there is none. */
function positiveRange(values: readonly number[]): [number, number] | undefined {
  const positive = values.filter((value) => value > 0);
  if (positive.length === 0) return undefined;
  const [low, high] = [positive.reduce((a, b) => Math.min(a, b)), positive.reduce((a, b) => Math.max(a, b))];
  const room = low < high ? (high / low) ** 0.03 : 2;
  return [low / room, high * room];
}

/** Ticks of a logarithmic axis: powers of ten, some six of them, or 1, 2 and 5 times those where there would be few. */
function ticks([low, high]: readonly [number, number]): number[] {
  const [first, last] = [Math.floor(Math.log10(low)), Math.floor(Math.log10(high))];
  const powers = Array.from({ length: last - first + 1 }, (_, i) => first + i);
  const step = Math.ceil((last - Math.ceil(Math.log10(low)) + 1) / 6) || 1; // of those that lie between low and high
  const digits = high / low < 300 ? [1, 2, 5] : [1];
  return powers
    .filter((power) => power % step === 0)
    .flatMap((power) => digits.map((digit) => Number(`${digit}e${power}`)))
    .filter((tick) => tick >= low && tick <= high);
}

/** Vega's expression for a tick's label. */
const label = "datum.value >= 0.001 && datum.value < 10000 ? format(datum.value, '~g') : format(datum.value, '~e')";
