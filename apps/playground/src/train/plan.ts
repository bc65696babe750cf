import { configure, presets, shapes } from "@ddpm/core";
import type { TrainingPlan } from "../protocol.ts";

/** What the form says, as `ddpm train --data shapes --preset tiny` would take it, with --conditional where the classes are told. Throws a SyntaxError that names the key of an impossible value. */
export function planOf(form: HTMLFormElement): TrainingPlan {
  const data = new FormData(form);
  const number = (name: string): number => Number(data.get(name));
  const config = configure(presets.tiny, {
    "data.name": "shapes",
    "data.height": number("size"),
    "data.width": number("size"),
    "model.dim": number("dim"),
    "model.classes": data.has("conditional") ? shapes().classes! : [],
    "train.batch": number("batch"),
    "train.lr": number("lr"),
    "train.sampleEvery": number("every"),
    seed: number("seed"),
  });
  return { config, steps: number("steps"), device: String(data.get("device")) };
}
