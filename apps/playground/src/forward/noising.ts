import type { Numbers } from "@ddpm/core";
import { qSample, type Schedule } from "@ddpm/core/diffusion";
import { evaluate, input } from "@ddpm/core/graph";
import { normals, stream } from "@ddpm/core/random";
import { toBytes } from "../bytes.ts";
import type { Picture } from "../source.ts";

/** x_t of one picture at timestep t under each schedule, eq. 4: bytes [schedules, height, width, channels]. The noise is the same whatever t and schedule. */
export function noised({ height, width, channels, values }: Picture, schedules: readonly Schedule[], t: number): Uint8ClampedArray<ArrayBuffer> {
  const shape = [1, height, width, channels];
  const at = (name: "sqrtAlphasCumprod" | "sqrtOneMinusAlphasCumprod") => Float64Array.from(schedules, (schedule) => schedule[name][t]!);
  const coefficient = (name: string) => input(name, [schedules.length, 1, 1, 1]);
  const xt = qSample(input("x0", shape), input("noise", shape), {
    sqrtAlphasCumprod: coefficient("sqrtAlphasCumprod"),
    sqrtOneMinusAlphasCumprod: coefficient("sqrtOneMinusAlphasCumprod"),
  });
  const feeds = new Map<string, Numbers>([
    ["x0", values],
    ["noise", normals(stream(0, "noise"), values.length)],
    ["sqrtAlphasCumprod", at("sqrtAlphasCumprod")],
    ["sqrtOneMinusAlphasCumprod", at("sqrtOneMinusAlphasCumprod")],
  ]);
  return toBytes(evaluate([xt], feeds)[0]!);
}
