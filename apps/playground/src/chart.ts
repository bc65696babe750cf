import uPlot, { type AlignedData, type Axis, type Series } from "uplot";
import "uplot/dist/uPlot.min.css";
import { make } from "./page.ts";
import { logarithmicTicks } from "./ticks.ts";

export interface ChartOptions {
  readonly title: string;
  readonly x: string;
  /** A name for each curve. */
  readonly curves: readonly string[];
  /** Whether curves lie on a logarithmic scale. */
  readonly logarithmic?: boolean;
  readonly height?: number;
}

export interface Chart {
  /** The numbers along x, then those of each curve. */
  draw(data: AlignedData): void;
  /** Moves the marker to x, and tells the values there in the legend. */
  mark(x: number): void;
}

/** Colours that differ in lightness too, on white and on black; curves beyond the first are also dashed. */
const colours = {
  light: ["#0060a8", "#c04f00", "#007a5a", "#a8387f", "#7a6200", "#5a5a5a", "#5b3fa8"],
  dark: ["#6cb8ff", "#ff9d5c", "#3fd6a8", "#f08fce", "#e3c341", "#b5b5b5", "#b7a3ff"],
};
const dashes: readonly number[][] = [[], [9, 3], [3, 3], [9, 3, 3, 3], [6, 6], [2, 5], [12, 3, 3, 3, 3, 3]];
const dark = matchMedia("(prefers-color-scheme: dark)");
const colour = (i: number): string => colours[dark.matches ? "dark" : "light"][i % dashes.length]!;

/** A chart of curves at the end of `place`, as wide as that is, with a legend that tells the values under the pointer or at the mark. */
export function chart(place: HTMLElement, { title, x, curves, logarithmic = false, height = 220 }: ChartOptions): Chart {
  const figure = make("figure", make("figcaption", title));
  place.append(figure);
  const ink = (): string => getComputedStyle(figure).color;
  const axis: Axis = { stroke: ink, grid: { stroke: "#8883", width: 1 }, ticks: { stroke: "#8886", width: 1 } };
  const width = (): number => Math.max(figure.clientWidth, 100);
  const marker = make("div");
  marker.className = "marker";
  marker.hidden = true;
  let marked = 0;
  const placeMarker = (plot: uPlot): string => (marker.style.transform = `translateX(${plot.valToPos(marked, "x")}px)`);
  const plot = new uPlot(
    {
      width: width(),
      height,
      scales: { x: { time: false }, y: logarithmic ? { distr: 3 } : {} },
      axes: [
        { ...axis, size: 30, label: x, labelSize: 20, labelFont: "12px system-ui" },
        { ...axis, size: 60, ...(logarithmic && { values: logarithmicTicks }) },
      ],
      series: [{ label: x }, ...curves.map(series)],
      cursor: { y: false, drag: { x: false, y: false } },
      hooks: { draw: [placeMarker] }, // a drawing may change the scale, and its first one comes after this turn
    },
    [[], ...curves.map(() => [])] as AlignedData,
    figure,
  );
  const picture = plot.root.querySelector(".u-wrap")!;
  picture.setAttribute("role", "img");
  picture.setAttribute("aria-label", `${title}: ${curves.join(", ")}`);
  plot.over.append(marker);
  new ResizeObserver(() => figure.clientWidth > 0 && plot.setSize({ width: width(), height })).observe(figure);
  dark.addEventListener("change", () => plot.redraw());
  return {
    draw: (data) => plot.setData(data),
    mark: (x) => {
      marked = x;
      marker.hidden = false;
      placeMarker(plot);
      plot.setLegend({ idx: plot.valToIdx(x) });
    },
  };
}

const series = (label: string, i: number): Series => ({
  label,
  stroke: () => colour(i),
  dash: dashes[i % dashes.length]!,
  width: 1.5,
  points: { show: false },
  value: (_, y) => (y === null || y === undefined ? "–" : Number(y.toPrecision(4)).toString()),
});
