import { type Numbers, reference } from "@ddpm/core";
import { noise, parameters, predictionStep } from "./model.ts";
import type { Ask } from "./page/main.ts";

/** What every contender should find, in float64. */
export async function expected({ images, t }: Ask): Promise<Numbers> {
  const { times, ...step } = predictionStep(images);
  await using program = await reference().compile(step, parameters().values);
  const { prediction } = await program.run({ x: noise(images), t: new Int32Array(times).fill(t) });
  return prediction!;
}
