import { type Schedule, scheduleNames } from "@ddpm/core/diffusion";
import { type Chart, chart } from "../chart.ts";

interface Kind {
  readonly title: string;
  readonly of: (schedule: Schedule) => Float64Array;
  readonly logarithmic?: boolean;
}

const kinds: readonly Kind[] = [
  { title: "β, the variance that a step adds", of: ({ betas }) => betas, logarithmic: true },
  { title: "ᾱ, what is left of the picture's variance", of: ({ alphasCumprod }) => alphasCumprod },
  { title: "log SNR = log ᾱ / (1 − ᾱ)", of: ({ snr }) => snr.map(Math.log) },
];

/** Charts of every schedule's constants against t, each with a marker. */
export class Curves {
  readonly #charts: readonly Chart[];

  constructor(place: HTMLElement) {
    this.#charts = kinds.map(({ title, logarithmic = false }) => chart(place, { title, x: "t", curves: scheduleNames, logarithmic }));
  }

  /** Draws schedules of T timesteps, in the order of `scheduleNames`; one that is not there leaves its curve empty. */
  draw(timesteps: number, schedules: readonly (Schedule | undefined)[]): void {
    const t = Float64Array.from({ length: timesteps }, (_, i) => i);
    for (const [i, { of }] of kinds.entries()) {
      const curves = schedules.map((schedule) => (schedule ? [...of(schedule)] : new Array<null>(timesteps).fill(null)));
      this.#charts[i]!.draw([t, ...curves]);
    }
  }

  mark(t: number): void {
    for (const chart of this.#charts) chart.mark(t);
  }
}
