import type { Numbers } from "@ddpm/core";
import { qSample, type Schedule } from "@ddpm/core/diffusion";
import { evaluate, input } from "@ddpm/core/graph";
import { normals, stream } from "@ddpm/core/random";
import type { Pixels } from "./data/decode.ts";
import { grid } from "./picture.ts";
import { type SheetRow, sheetSvg } from "./sheet.ts";

export interface Forward {
  readonly image: Pixels;
  /** What messages call the image. */
  readonly name: string;
  readonly schedules: ReadonlyMap<string, Schedule>;
  readonly timesteps: number;
  /** The timesteps to show. */
  readonly ts: readonly number[];
  readonly seed: number;
}

/** How an image drowns in noise: a row for each schedule, a column for each timestep, as SVG. The noise is the same everywhere. */
export function forwardFigure({ image, name, schedules, timesteps, ts, seed }: Forward): Promise<string> {
  const noise = normals(stream(seed, "noise"), image.data.length);
  return sheetSvg({
    title: `${name} on its way to noise`,
    subtitle: `xₜ = √ᾱ x₀ + √(1 − ᾱ) ε over ${timesteps} timesteps, with the same ε everywhere`,
    columns: ts.map((t) => `t = ${t}`),
    rows: [...schedules].map(([label, schedule]) => ({ label, cells: cells(image, noise, schedule, ts) })),
  });
}

function cells({ data, height, width, channels }: Pixels, noise: Numbers, schedule: Schedule, ts: readonly number[]): SheetRow["cells"] {
  const xt = noised([1, height, width, channels], data, noise, schedule, ts);
  return ts.map((t, i) => ({
    picture: grid(xt.subarray(i * data.length, (i + 1) * data.length), 1, height, width, channels, { gap: 0 }),
    caption: `ᾱ ${schedule.alphasCumprod[t]!.toPrecision(2)}`,
  }));
}

/** x_t of an image at each timestep, eq. 4: [timesteps, height, width, channels]. */
function noised(shape: readonly number[], bytes: Uint8Array, noise: Numbers, schedule: Schedule, ts: readonly number[]): Float32Array {
  const coefficient = (name: string) => input(name, [ts.length, 1, 1, 1]);
  const at = (name: "sqrtAlphasCumprod" | "sqrtOneMinusAlphasCumprod") => Float64Array.from(ts, (t) => schedule[name][t]!);
  const xt = qSample(input("x0", shape), input("noise", shape), {
    sqrtAlphasCumprod: coefficient("sqrtAlphasCumprod"),
    sqrtOneMinusAlphasCumprod: coefficient("sqrtOneMinusAlphasCumprod"),
  });
  const feeds = new Map<string, Numbers>([
    ["x0", Float64Array.from(bytes, (byte) => byte / 127.5 - 1)],
    ["noise", noise],
    ["sqrtAlphasCumprod", at("sqrtAlphasCumprod")],
    ["sqrtOneMinusAlphasCumprod", at("sqrtOneMinusAlphasCumprod")],
  ]);
  return Float32Array.from(evaluate([xt], feeds)[0]!);
}
