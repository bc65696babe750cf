import type { SamplerName } from "@ddpm/core/diffusion";
import type { Estimate } from "./estimate.ts";
import { type Curve, figure, type Panel } from "./plot.ts";
import type { ReferenceSolution } from "./reference-solution.ts";

export interface Result {
  readonly sampler: SamplerName;
  /** Model calls. */
  readonly steps: number;
  readonly distance: Estimate;
  /** Root mean square difference from the images of the reference; none for a sampler that adds noise, whose images are others. */
  readonly fromReference?: number;
}

export interface Sweep {
  /** Images of each point. */
  readonly count: number;
  /** The data's distance from themselves. */
  readonly floor: Estimate;
  /** None where no sampler is deterministic. */
  readonly reference?: ReferenceSolution | undefined;
  readonly results: readonly Result[];
}

const axes = { x: "model calls", logarithmicX: true } as const;

/** How near samplers come to where more steps lead, and to the data, over model calls, as SVG. */
export function sweepFigure(sweep: Sweep): Promise<string> {
  const { count, floor, reference } = sweep;
  const convergenceIs = (of: ReferenceSolution): string =>
    `Left: ${of.count} images against those of ${of.sampler} with ${of.steps} calls from the same noise, pixels in [-1, 1]`;
  const below = [floor, ...sweep.results.map(({ distance }) => distance)].some(({ mean }) => mean <= 0) ? "; what is below 0 is left out" : "";
  const data = `other data are at ${floor.mean.toPrecision(2)} ± ${floor.error.toPrecision(1)}${below}`;
  const subtitle = [
    ...(reference ? [convergenceIs(reference)] : []),
    `${reference ? "Right: t" : "T"}he pixels' distribution over ${count} images, bars: ± standard error; ${data}`,
  ];
  const panels = [...(reference ? [convergence(sweep)] : []), distances(sweep)];
  return figure(panels, { title: "Quality against steps", subtitle, width: 420, height: 300 });
}

function convergence({ results }: Sweep): Panel {
  const curves = bySampler(results).flatMap(([name, own]): Curve[] => {
    const points = own.flatMap(({ steps, fromReference }) => (fromReference === undefined ? [] : [[steps, fromReference] as const]));
    return points.length > 0 ? [{ name, points, look: "dotted" }] : [];
  });
  return { ...axes, title: "How far from where more steps lead", y: "root mean square difference", logarithmic: true, curves };
}

/** Bars end at the half of the least mean at most, where what a logarithmic axis cannot show would begin. */
function distances({ floor, results }: Sweep): Panel {
  const steps = results.map(({ steps }) => steps);
  const ends = [...new Set([Math.min(...steps), Math.max(...steps)])];
  const bottom = Math.min(...[floor, ...results.map(({ distance }) => distance)].map(({ mean }) => (mean > 0 ? mean / 2 : Infinity)));
  const curves = bySampler(results).flatMap(([name, own]): Curve[] => [
    { name, points: own.map(({ steps, distance }) => [steps, distance.mean]), look: "dotted" },
    ...own.map(({ steps, distance }) => bar(name, steps, distance, bottom)),
  ]);
  const data: Curve = { name: "other data", points: ends.map((x) => [x, floor.mean]) };
  return { ...axes, title: "How far from the data", y: "kernel distance", logarithmic: true, curves: [...curves, data] };
}

const bySampler = (results: readonly Result[]): [SamplerName, Result[]][] =>
  [...new Set(results.map(({ sampler }) => sampler))].map((name) => [name, results.filter(({ sampler }) => sampler === name)]);

/** From an error below the mean to one above, but not below `bottom`. */
const bar = (name: string, x: number, { mean, error }: Estimate, bottom: number): Curve => ({
  name,
  points: [
    [x, Math.max(mean - error, bottom)],
    [x, mean + error],
  ],
  look: "bar",
});
