import { evaluate, input, type Numbers, normals, qSample, type Schedule, stream } from "@ddpm/core";
import { toBytes } from "../bytes.ts";
import type { Picture } from "./source.ts";

/** x_t of one picture at timestep t under each schedule, eq. 4: bytes [schedules, side, side, 3]. The noise is the same whatever t and schedule. */
export function noised({ side, values }: Picture, schedules: readonly Schedule[], t: number): Uint8ClampedArray<ArrayBuffer> {
  const at = (name: "sqrtAlphasCumprod" | "sqrtOneMinusAlphasCumprod") => Float64Array.from(schedules, (schedule) => schedule[name][t]!);
  const coefficient = (name: string) => input(name, [schedules.length, 1, 1, 1]);
  const xt = qSample(input("x0", [1, side, side, 3]), input("noise", [1, side, side, 3]), {
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
