import type { TopLevelSpec } from "vega-lite";
import { axisOf } from "./axis.ts";

interface Row {
  readonly name: string;
  /** Tells apart the curves of one name. */
  readonly curve: number;
  readonly x: number;
  readonly y: number;
}

interface LineLook {
  readonly strokeWidth: number;
  readonly opacity?: number;
  readonly point: boolean;
}

/** How lines look; the later ones lie above the others. */
const looks = {
  /** What another curve of the same name sums up. */
  faint: { strokeWidth: 0.7, opacity: 0.4, point: false },
  /** How sure a point is. */
  bar: { strokeWidth: 1.4, opacity: 0.6, point: false },
  plain: { strokeWidth: 1.8, point: false },
  /** Each point is measured. */
  dotted: { strokeWidth: 1.8, point: true },
} satisfies Record<string, LineLook>;
type Look = keyof typeof looks;

/** A line; those of one name share a colour and an entry of the legend. */
export interface Curve {
  readonly name: string;
  /** [x, y], by rising x; what is not above 0 is left out of a logarithmic axis. */
  readonly points: readonly (readonly [number, number])[];
  readonly look?: Look;
}

export interface Panel {
  readonly title: string;
  /** Titles of the axes. */
  readonly x: string;
  readonly y: string;
  readonly logarithmic?: boolean;
  readonly logarithmicX?: boolean;
  readonly curves: readonly Curve[];
}

export interface FigureOptions {
  readonly title: string;
  readonly subtitle?: string | readonly string[];
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
    title: {
      text: title,
      ...(subtitle !== undefined && { subtitle: typeof subtitle === "string" ? subtitle : [...subtitle] }),
      anchor: "start",
      fontSize: 16,
      offset: 12,
    },
    concat: panels.map((panel) => panelSpec(panel, names, { width, height }, names.length > 1 ? legend : null)),
    columns,
    config: { font: "sans-serif", axis: { gridColor: "#e4e4e4", labelFontSize: 11, titleFontSize: 12, titleFontWeight: "normal" } },
  };
  return new vega.View(vega.parse(compile(spec).spec), { renderer: "none" }).toSVG();
}

type PanelSpec = Extract<TopLevelSpec, { concat: unknown }>["concat"][number];

function panelSpec(panel: Panel, names: readonly string[], size: { width: number; height: number }, legend: Legend | null): PanelSpec {
  const all = panel.curves.flatMap(({ points }) => points);
  const x = axisOf(
    panel.x,
    all.map(([x]) => x),
    { logarithmic: panel.logarithmicX ?? false },
  );
  const y = axisOf(
    panel.y,
    all.map(([, y]) => y),
    { logarithmic: panel.logarithmic ?? false },
  );
  const values = panel.curves.map((curve, i) => rows(curve, i).filter((row) => (row.x > 0 || !x.logarithmic) && (row.y > 0 || !y.logarithmic)));
  return {
    ...size,
    title: { text: panel.title, anchor: "start", frame: "group", fontSize: 13, fontWeight: "normal" },
    layer: layers(panel.curves, values),
    encoding: {
      x: { field: "x", type: "quantitative", axis: x.axis, scale: x.scale },
      y: { field: "y", type: "quantitative", axis: y.axis, scale: y.scale },
      detail: { field: "curve", type: "nominal" },
      color: byName(names, (i) => colours[i % colours.length]!, legend),
      strokeDash: byName(names, (i) => dashes[(i + Math.floor(i / colours.length)) % dashes.length]!, legend),
    },
  };
}

const rows = ({ name, points }: Curve, curve: number): Row[] => points.map(([x, y]) => ({ name, curve, x, y }));

/** A curve of one point is a dot, else it would not be seen. */
const lookOf = ({ look = "plain", points }: Curve): Look => (look === "plain" && points.length === 1 ? "dotted" : look);

/** The curves of each look in a layer; an empty layer where there is no curve. */
function layers(curves: readonly Curve[], values: readonly Row[][]) {
  const used = (Object.keys(looks) as Look[]).filter((look) => curves.some((curve) => lookOf(curve) === look));
  return (used.length > 0 ? used : (["plain"] as const)).map((look) => ({
    data: { values: values.filter((_, i) => lookOf(curves[i]!) === look).flat() },
    mark: { type: "line" as const, aria: false, ...looks[look] },
    ...(["faint", "bar"].includes(look) && { encoding: { strokeDash: { value: [1, 0] } } }),
  }));
}

const legendStyle = {
  title: null,
  orient: "bottom",
  symbolType: "stroke",
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
