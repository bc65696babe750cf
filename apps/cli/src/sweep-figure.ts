import type { SamplerName } from "@ddpm/core";
import type { Estimate } from "./kernel-distance.ts";
import { type Curve, figure } from "./plot.ts";

export interface Result {
  readonly sampler: SamplerName;
  /** Model calls. */
  readonly steps: number;
  readonly distance: Estimate;
}

export interface Sweep {
  /** Images of each point. */
  readonly count: number;
  /** The data's distance from themselves. */
  readonly floor: Estimate;
  readonly results: readonly Result[];
}

/** Distance from the data over model calls, a curve for each sampler, as SVG. */
export function sweepFigure({ count, floor, results }: Sweep): Promise<string> {
  const samplers = [...new Set(results.map(({ sampler }) => sampler))];
  const curves = samplers.flatMap((name) =>
    curvesOf(
      name,
      results.filter(({ sampler }) => sampler === name),
    ),
  );
  const steps = results.map(({ steps }) => steps);
  const flat = [Math.min(...steps), Math.max(...steps)].map((x): [number, number] => [x, Math.max(floor.mean, floor.error)]);
  const panels = [
    {
      title: "Kernel distance of pixels; thin: ± its error",
      x: "model calls",
      y: "distance from the data",
      logarithmic: true,
      curves: [...curves, { name: "data", points: flat }],
    },
  ];
  const subtitle = `${count} images a point, x0 clipped; data from data: ${floor.mean.toPrecision(2)} ± ${floor.error.toPrecision(1)}`;
  return figure(panels, { title: "Quality against steps", subtitle, columns: 1, width: 560, height: 320 });
}

function curvesOf(name: SamplerName, results: readonly Result[]): Curve[] {
  const points = (of: (estimate: Estimate) => number): [number, number][] => results.map(({ steps, distance }) => [steps, of(distance)]);
  return [
    { name, points: points(({ mean }) => mean) },
    { name, points: points(({ mean, error }) => mean - error), faint: true },
    { name, points: points(({ mean, error }) => mean + error), faint: true },
  ];
}
