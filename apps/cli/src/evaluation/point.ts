import type { Config } from "@ddpm/core";
import { scheduleFor } from "@ddpm/core/config";
import { rows, type SamplerName, type SamplerOptions, samplerNames, samplers } from "@ddpm/core/diffusion";
import { InvalidArgumentError } from "commander";
import type { Sampling } from "../drawing.ts";
import { count } from "../options.ts";
import type { Point } from "./evaluation.ts";

/** As a folder and a line of progress are called. */
export const titleOf = ({ sampler, steps }: Point): string => `${sampler}-${steps}`;

const usualSteps = [3, 5, 10, 20, 50] as const;

/** What `--sweep` does without a value: all samplers but DDPM, which needs many steps. */
const usualPoints: readonly Point[] = samplerNames
  .filter((sampler) => sampler !== "ddpm")
  .flatMap((sampler) => usualSteps.map((steps) => ({ sampler, steps })));

/** The points that `ddim:10,20` stands for, after those of the values before. */
export function pointsOf(text: string, before: unknown): Point[] {
  const [sampler, steps, ...rest] = text.split(":");
  if (!samplerNames.includes(sampler as SamplerName) || steps === undefined || rest.length > 0)
    throw new InvalidArgumentError(`Expected a sampler among ${samplerNames.join(", ")} and its model calls, as ddim:10,20`);
  const own = [...new Set(steps.split(",").map(count))].map((steps) => ({ sampler: sampler as SamplerName, steps }));
  return [...(Array.isArray(before) ? (before as Point[]) : []), ...own];
}

/** All start from the same level of noise, Heun's, so that they solve the same equation, and clip x0. */
export const alike = { clip: true, sigmaMax: samplers.heun.sigmaMax } as const;

/** A point and how many images it is drawn for. */
export type CountedPoint = Point & { readonly count: number };

/** Images unless told: fewer where each takes many model calls. */
export const usualSamples = (steps = 0): number => (steps > 50 ? 512 : 2048);

interface Wish extends Sampling {
  readonly sweep?: true | readonly Point[];
  readonly samples?: number;
}

/** What a command's flags ask to draw, as many images of each. Throws a RangeError for steps that a sampler cannot take. */
export function pointsFor(config: Config, { sweep, samples, ...flags }: Wish): CountedPoint[] {
  const points = sweep === undefined ? [pointOf(config, flags)] : sweep === true ? usualPoints : sweep;
  if (sweep !== undefined) checkPoints(config, points);
  const count = samples ?? usualSamples(Math.max(...points.map(({ steps }) => steps)));
  return points.map((point) => ({ ...point, count }));
}

function pointOf(config: Config, { sampler, ...flags }: Sampling): Point {
  return { sampler, steps: rows(sampler, scheduleFor(config), { ...(flags as SamplerOptions), objective: config["diffusion.objective"] }).length };
}

/** Throws where a sampler cannot take so many steps, before hours of drawing. */
function checkPoints(config: Config, points: readonly Point[]): void {
  for (const { sampler, steps } of points) {
    try {
      rows(sampler, scheduleFor(config), { ...alike, steps, objective: config["diffusion.objective"] });
    } catch (error) {
      throw new RangeError(`--sweep ${sampler}:${steps} from sigma ${alike.sigmaMax} down: ${(error as Error).message}`, { cause: error });
    }
  }
}
