import type { Config, StepResult } from "@ddpm/core";
import type { EventWriter } from "./tensorboard.ts";
import type { TrainingLog } from "./training-log.ts";

/** Names in TensorBoard of what log.jsonl has under these keys; the rest of a line is in the log alone. */
const tags: Readonly<Record<string, string>> = {
  loss: "loss",
  lossQ1: "loss/q1",
  lossQ2: "loss/q2",
  lossQ3: "loss/q3",
  lossQ4: "loss/q4",
  lr: "learning rate",
  gradientNorm: "gradient norm",
  imagesPerSecond: "images per second",
};

/** Writes what a step told as a line of log.jsonl and as TensorBoard's scalars. */
export async function logStep(
  log: TrainingLog,
  events: EventWriter,
  line: Readonly<Record<string, number>> & { readonly step: number },
): Promise<void> {
  for (const [key, value] of Object.entries(line)) if (tags[key] !== undefined) events.scalar(line.step, tags[key], value);
  await log.append(line);
}

/** What a step of `count` images tells of its loss: that, its mean by quarter of the timesteps, and the gradient's norm. */
export const lossFacts = ({ loss, gradientNorm, ...images }: Omit<StepResult, "skipped">, count: number, config: Config): Record<string, number> => ({
  loss,
  ...quartileLosses(images, count, config["diffusion.timesteps"]),
  gradientNorm,
});

/**
 * The mean loss of the first `count` images of a step by the quarter of [0, T) that their timestep is in, as Nichol and Dhariwal 2021 log it:
 * lossQ1 is that of the least noise. A quarter without images is left out.
 */
export function quartileLosses({ t, losses }: Pick<StepResult, "t" | "losses">, count: number, timesteps: number): Record<string, number> {
  const quarters = [1, 2, 3, 4].map((quarter) => ({ key: `lossQ${quarter}`, sum: 0, images: 0 }));
  for (let i = 0; i < count; i++) {
    const quarter = quarters[Math.floor((4 * t[i]!) / timesteps)]!;
    quarter.sum += losses[i]!;
    quarter.images++;
  }
  return Object.fromEntries(quarters.flatMap(({ key, sum, images }) => (images > 0 ? [[key, sum / images]] : [])));
}
