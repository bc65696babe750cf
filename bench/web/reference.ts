import { type Numbers, reference } from "@ddpm/core";
import { noise, parameters, predictionStep } from "./model.ts";
import type { Ask } from "./page/main.ts";

/** What every contender should find, in float64. */
export async function expected({ images, t }: Ask): Promise<Numbers> {
  await using program = await reference().compile(predictionStep(images), parameters().values);
  const { prediction } = await program.run({ x: noise(images), t: Int32Array.of(t) });
  return prediction!;
}
