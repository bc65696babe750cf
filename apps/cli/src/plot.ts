import type { TopLevelSpec } from "vega-lite";

interface Row {
  readonly name: string;
  readonly x: number;
  readonly y: number;
}

/** A line; those of one name share a colour and an entry of the legend. */
interface Curve {
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

/** Okabe and Ito's colours (2008), which colour-blind people tell apart, without the two that are pale on white; dashed too beyond the first. */
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
  const spec: TopLevelSpec = {
    background: "white",
    padding: 12,
    title: { text: title, ...(subtitle !== undefined && { subtitle }), anchor: "start", fontSize: 16, offset: 12 },
    concat: panels.map((panel) => panelSpec(panel, names, { width, height })),
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
}

type PanelSpec = Extract<TopLevelSpec, { concat: unknown }>["concat"][number];

function panelSpec(
  { title, x, y, logarithmic = false, curves }: Panel,
  names: readonly string[],
  size: { width: number; height: number },
): PanelSpec {
  const axis = { title: y, tickCount: 6, ...(logarithmic && { values: ticks(curves), labelExpr: label }) };
  return {
    ...size,
    title: { text: title, anchor: "start", frame: "group", fontSize: 13, fontWeight: "normal" },
    layer: [...lines(curves, true, logarithmic), ...lines(curves, false, logarithmic)],
    encoding: {
      x: { field: "x", type: "quantitative", axis: { title: x, tickCount: 6 } },
      y: { field: "y", type: "quantitative", axis, scale: logarithmic ? { type: "log", nice: false } : {} },
      color: byName(names, colours),
      strokeDash: byName(names, dashes),
    },
  };
}

/** The layer of the faint curves or of the others; no layer where none is faint. */
function lines(curves: readonly Curve[], pale: boolean, logarithmic: boolean): { data: { values: Row[] }; mark: LineMark }[] {
  const values = curves.filter(({ faint = false }) => faint === pale).flatMap((curve) => rows(curve, logarithmic));
  const mark: LineMark = { type: "line", aria: false, ...(pale ? { strokeWidth: 0.7, opacity: 0.4, strokeDash: [1, 0] } : { strokeWidth: 1.8 }) };
  return values.length > 0 || !pale ? [{ data: { values }, mark }] : [];
}

const rows = ({ name, points }: Curve, logarithmic: boolean): Row[] =>
  points.filter(([, y]) => !logarithmic || y > 0).map(([x, y]) => ({ name, x, y }));

/** What tells curves apart by their names, which the legend lists where there are several. */
function byName<T>(names: readonly string[], values: readonly T[]) {
  const legend = { title: null, orient: "bottom", columns: 3, symbolSize: 500, labelFontSize: 12, labelLimit: 300 } as const;
  const range = names.map((_, i) => values[i % values.length]!);
  return { field: "name", type: "nominal", scale: { domain: [...names], range }, legend: names.length > 1 ? legend : null } as const;
}

/** Ticks of a logarithmic axis: powers of ten, some six of them, or 1, 2 and 5 times those where there would be few. */
function ticks(curves: readonly Curve[]): number[] {
  const logs = curves.flatMap(({ points }) => points.filter(([, y]) => y > 0).map(([, y]) => Math.log10(y)));
  const bounds = logs.reduce(([low, high], log) => [Math.min(low, log), Math.max(high, log)] as const, [
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
  ] as const);
  const [low, high] = [Math.floor(bounds[0]), Math.ceil(bounds[1])];
  const powers = Array.from({ length: Math.max(high - low + 1, 0) }, (_, i) => low + i);
  if (powers.length < 4) return powers.flatMap((power) => [1, 2, 5].map((digit) => Number(`${digit}e${power}`)));
  const step = Math.ceil(powers.length / 6);
  return powers.filter((power) => power % step === 0).map((power) => Number(`1e${power}`));
}

/** Vega's expression for a tick's label. */
const label = "datum.value >= 0.001 && datum.value < 10000 ? format(datum.value, '~g') : format(datum.value, '~e')";
