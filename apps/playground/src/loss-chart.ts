import { chart } from "./chart.ts";

/** A chart of losses, raw and smoothed, at the end of `place`; `show` takes the steps and the loss of each. */
export function lossChart(place: HTMLElement): { show(steps: readonly number[], losses: readonly number[]): void } {
  const { draw } = chart(place, { title: "Loss", x: "step", curves: ["loss", "smoothed"], logarithmic: true });
  return { show: (steps, losses) => draw([steps as number[], losses as number[], smoothed(losses)]) };
}

/** The moving average of the losses, with the weight of one that is n steps older smaller by 0.97ⁿ, unbiased at the start as in Adam. */
function smoothed(losses: readonly number[], decay = 0.97): number[] {
  let [sum, weight] = [0, 0];
  return losses.map((loss) => {
    [sum, weight] = [decay * sum + loss, decay * weight + 1];
    return sum / weight;
  });
}
