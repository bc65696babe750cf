import type { SamplerName } from "@ddpm/core/diffusion";
import { type Curve, figure, type Panel } from "../plot.ts";
import type { Distances, Estimate, Evaluation, ReferenceSolution, Result } from "./evaluation.ts";
import { fidOf, othersTold, rounded } from "./told.ts";

const axes = { x: "model calls", logarithmicX: true, logarithmic: true } as const;

type Drawn = Result & Required<Pick<Result, "sampler" | "steps">>;

type Figured = Pick<Evaluation, "floor" | "heldOut" | "reference" | "results" | "features" | "data">;

/** How near samplers come to the data and to where more steps lead, over model calls, as SVG. */
export function qualityFigure(evaluation: Figured): Promise<string> {
  const { floor, reference, results, features, data } = evaluation;
  const drawn = results.filter((result): result is Drawn => result.sampler !== undefined);
  const fids = floor.fid?.unbiased && panelOf("FID, without the bias of few images", "FID", drawn, floor, ({ fid }) => fid?.unbiased);
  const kids = panelOf("KID", "KID", drawn, floor, ({ kid }) => kid);
  const panels = [...(fids ? [fids] : []), kids, ...(reference ? [convergence(drawn)] : [])];
  const subtitle = [
    `${drawn[0]!.distances.count} images of each against those of ${data}, in the ${features.size} features of ${features.name}; bars: ± standard error; what is not above 0 is left out`,
    `As many ${othersTold(evaluation)} are at ${[...(fids ? [`FID ${fidOf(floor)}`] : []), `KID ${rounded(floor.kid)}`].join(", ")}`,
    ...(reference ? [convergenceIs(reference)] : []),
  ];
  return figure(panels, { title: "Quality against steps", subtitle, columns: panels.length, width: 320, height: 300 });
}

const convergenceIs = ({ count, sampler, steps }: ReferenceSolution): string =>
  `Right: ${count} images against those of ${sampler} with ${steps} calls from the same noise, pixels in [-1, 1]`;

function convergence(results: readonly Drawn[]): Panel {
  const curves = bySampler(results).flatMap(([name, own]): Curve[] => {
    const points = own.flatMap(({ steps, fromReference }) => (fromReference === undefined ? [] : [[steps, fromReference] as const]));
    return points.length > 0 ? [{ name, points, look: "dotted" }] : [];
  });
  return { ...axes, title: "How far from where more steps lead", y: "root mean square difference", curves };
}

/** Bars end at the half of the least mean at most, where what a logarithmic axis cannot show would begin. */
function panelOf(title: string, y: string, results: readonly Drawn[], floor: Distances, of: (distances: Distances) => Estimate | undefined): Panel {
  const steps = results.map(({ steps }) => steps);
  const ends = [...new Set([Math.min(...steps), Math.max(...steps)])];
  const found = results.flatMap((result) => of(result.distances) ?? []);
  const bottom = Math.min(...found.map(({ mean }) => (mean > 0 ? mean / 2 : Infinity)));
  const curves = bySampler(results).flatMap(([name, own]): Curve[] => {
    const estimates = own.flatMap(({ steps, distances }) => ([[steps, of(distances)]] as const).filter(([, estimate]) => estimate));
    return [
      { name, points: estimates.map(([steps, estimate]) => [steps, estimate!.mean]), look: "dotted" },
      ...estimates.map(([steps, estimate]) => bar(name, steps, estimate!, bottom)),
    ];
  });
  const { mean } = of(floor)!;
  const near = mean > Math.min(...found.map(({ mean }) => mean)) / 10; // else nothing would be seen of the rest
  const data: Curve[] = near ? [{ name: "real images", points: ends.map((x) => [x, mean]) }] : [];
  return { ...axes, title, y, curves: [...curves, ...data] };
}

const bySampler = (results: readonly Drawn[]): [SamplerName, Drawn[]][] =>
  [...new Set(results.map(({ sampler }) => sampler))].map((name) => [
    name,
    results.filter(({ sampler }) => sampler === name).sort((a, b) => a.steps - b.steps),
  ]);

/** From an error below the mean to one above, but not below `bottom`. */
const bar = (name: string, x: number, { mean, error }: Estimate, bottom: number): Curve => ({
  name,
  points: [
    [x, Math.max(mean - error, bottom)],
    [x, Math.max(mean + error, bottom)],
  ],
  look: "bar",
});
