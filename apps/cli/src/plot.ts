import type { TopLevelSpec } from "vega-lite";

interface Row {
  readonly name: string;
  readonly x: number;
  readonly y: number;
}

/** A line; those of one name share a colour and an entry of the legend. */
export interface Curve {
  readonly name: string;
  /** [x, y], by rising x; a y that is not above 0 is left out of a logarithmic panel. */
  readonly points: readonly (readonly [number, number])[];
  /** Thin and pale: what another curve of the same name sums up. */
  readonly faint?: boolean;
}

export interface Panel {
  readonly title: string;
  /** Titles of the axes. */
  readonly x: string;
  readonly y: string;
  readonly logarithmic?: boolean;
  readonly curves: readonly Curve[];
}

export interface FigureOptions {
  readonly title: string;
  readonly subtitle?: string;
  readonly columns?: number;
  /** Size of one panel in pixels. */
  readonly width?: number;
  readonly height?: number;
}

/** Okabe and Ito's colours (2008), which colour-blind people tell apart, without the two that are pale on white; dashed too beyond the first, and in another way where colours come again. */
const colours = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#000000", "#e69f00"];
const dashes = [
  [1, 0],
  [9, 3],
  [3, 2],
  [9, 3, 3, 3],
  [6, 6],
  [2, 1],
];

/** The panels as one SVG on white, with one legend for all where there is more than one name. */
export async function figure(panels: readonly Panel[], { title, subtitle, columns = 2, width = 360, height = 220 }: FigureOptions): Promise<string> {
  const [vega, { compile }] = await Promise.all([import("vega"), import("vega-lite")]); // a quarter of a second that no other command should wait for
  const names = [...new Set(panels.flatMap(({ curves }) => curves.map(({ name }) => name)))];
  const legend = { ...legendStyle, columns: legendColumns(names, columns * width) };
  const spec: TopLevelSpec = {
    background: "white",
    padding: 12,
    title: { text: title, ...(subtitle !== undefined && { subtitle }), anchor: "start", fontSize: 16, offset: 12 },
    concat: panels.map((panel) => panelSpec(panel, names, { width, height }, names.length > 1 ? legend : null)),
    columns,
    config: { font: "sans-serif", axis: { gridColor: "#e4e4e4", labelFontSize: 11, titleFontSize: 12, titleFontWeight: "normal" } },
  };
  return new vega.View(vega.parse(compile(spec).spec), { renderer: "none" }).toSVG();
}

interface LineMark {
  readonly type: "line";
  readonly aria: false;
  readonly strokeWidth: number;
  readonly opacity?: number;
  readonly strokeDash?: number[];
  readonly point: boolean;
}

type PanelSpec = Extract<TopLevelSpec, { concat: unknown }>["concat"][number];

function panelSpec(
  { title, x, y, logarithmic = false, curves }: Panel,
  names: readonly string[],
  size: { width: number; height: number },
  legend: Legend | null,
): PanelSpec {
  const domain = logarithmic ? positiveRange(curves) : undefined;
  const axis = { title: y, tickCount: 6, ...(domain && { values: ticks(domain), labelExpr: label }) };
  return {
    ...size,
    title: { text: title, anchor: "start", frame: "group", fontSize: 13, fontWeight: "normal" },
    layer: [...lines(curves, true, logarithmic), ...lines(curves, false, logarithmic)],
    encoding: {
      x: { field: "x", type: "quantitative", axis: { title: x, tickCount: 6 }, scale: { zero: true } },
      y: { field: "y", type: "quantitative", axis, scale: domain ? { type: "log", nice: false, domain } : {} },
      color: byName(names, (i) => colours[i % colours.length]!, legend),
      strokeDash: byName(names, (i) => dashes[(i + Math.floor(i / colours.length)) % dashes.length]!, legend),
    },
  };
}

/** The layer of the faint curves or of the others; no layer where none is faint. A curve of one point is a dot. */
function lines(curves: readonly Curve[], pale: boolean, logarithmic: boolean): { data: { values: Row[] }; mark: LineMark }[] {
  const drawn = curves.filter(({ faint = false }) => faint === pale);
  const values = drawn.flatMap((curve) => rows(curve, logarithmic));
  const style = pale ? { strokeWidth: 0.7, opacity: 0.4, strokeDash: [1, 0] } : { strokeWidth: 1.8 };
  const mark: LineMark = { type: "line", aria: false, point: drawn.every(({ points }) => points.length === 1), ...style };
  return values.length > 0 || !pale ? [{ data: { values }, mark }] : [];
}

const rows = ({ name, points }: Curve, logarithmic: boolean): Row[] =>
  points.filter(([, y]) => !logarithmic || y > 0).map(([x, y]) => ({ name, x, y }));

const legendStyle = {
  title: null,
  orient: "bottom",
  symbolSize: 500,
  symbolStrokeWidth: 1.8,
  symbolOpacity: 1,
  labelFontSize: 12,
  labelLimit: 500,
} as const;
type Legend = typeof legendStyle & { readonly columns: number };

/** As many of the longest name as have room, three at most. Vega, which cannot measure texts here, gives each letter some ten pixels. */
const legendColumns = (names: readonly string[], width: number): number =>
  Math.max(1, Math.min(3, Math.floor(width / (10 * Math.max(...names.map(({ length }) => length)) + 40))));

/** What tells curves apart by their names, which the legend lists where there are several. */
function byName<T>(names: readonly string[], value: (i: number) => T, legend: Legend | null) {
  return { field: "name", type: "nominal", scale: { domain: [...names], range: names.map((_, i) => value(i)) }, legend } as const;
}

/** The least and the greatest y above 0, or around it where there is only one; nothing where there is none. */
function positiveRange(curves: readonly Curve[]): [number, number] | undefined {
  const ys = curves.flatMap(({ points }) => points.map(([, y]) => y)).filter((y) => y > 0);
  if (ys.length === 0) return undefined;
  const [low, high] = [ys.reduce((a, b) => Math.min(a, b)), ys.reduce((a, b) => Math.max(a, b))];
  return low < high ? [low, high] : [low / 2, low * 2];
}

/** Ticks of a logarithmic axis: powers of ten, some six of them, or 1, 2 and 5 times those where there would be few. */
function ticks([low, high]: readonly [number, number]): number[] {
  const [first, last] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))];
  const powers = Array.from({ length: last - first + 1 }, (_, i) => first + i);
  const step = Math.ceil(powers.length / 6);
  const digits = high / low < 300 ? [1, 2, 5] : [1];
  return powers
    .filter((power) => power % step === 0)
    .flatMap((power) => digits.map((digit) => Number(`${digit}e${power}`)))
    .filter((tick) => tick >= low && tick <= high);
}

/** Vega's expression for a tick's label. */
const label = "datum.value >= 0.001 && datum.value < 10000 ? format(datum.value, '~g') : format(datum.value, '~e')";
