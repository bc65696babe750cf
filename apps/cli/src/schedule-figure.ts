import type { Schedule } from "@ddpm/core/diffusion";
import { evenNumbers } from "./even-numbers.ts";
import { figure, type Panel } from "./plot.ts";

type Kind = Omit<Panel, "x" | "curves"> & { readonly of: keyof Schedule };

const kinds: readonly Kind[] = [
  { title: "β: the variance that step t adds", y: "β", of: "betas", logarithmic: true },
  { title: "ᾱ: the image's share of the variance", y: "ᾱ", of: "alphasCumprod" },
  { title: "Signal to noise: ᾱ / (1 − ᾱ)", y: "SNR", of: "snr", logarithmic: true },
  { title: "β̃: the variance of the posterior", y: "β̃", of: "posteriorVariance", logarithmic: true },
];

/** Points of a curve at most: as many as an eye tells apart. */
const most = 150;

/** Four panels of schedules' constants over t, as SVG. */
export function scheduleFigure(schedules: ReadonlyMap<string, Schedule>, timesteps: number): Promise<string> {
  const t = evenNumbers(0, timesteps - 1, most);
  const panels = kinds.map(({ of, ...panel }) => ({
    ...panel,
    x: "t",
    curves: [...schedules].map(([name, constants]) => ({ name, points: t.map((t) => [t, constants[of][t]!] as const) })),
  }));
  const names = [...schedules.keys()];
  return figure(panels, { title: `${names.length > 1 ? "Noise schedules" : `The ${names[0]} schedule`} over ${timesteps} timesteps` });
}
