/** Tests of endurance, `*.torture.test.ts` and `*.torture.spec.ts`: `npm test` runs the short form of each, `npm run torture` the long one. */
import { appendFileSync } from "node:fs";

/** Whether the long form runs. */
export const long: boolean = process.env["DDPM_TORTURE"] === "long";

/** How often a test tries. */
export const times = (often: { readonly short: number; readonly long: number }): number => (long ? often.long : often.short);

/** Where random choices start: DDPM_TORTURE_SEED, else the same at every run. */
export const seed = Number(process.env["DDPM_TORTURE_SEED"] ?? 1);

/** Tells what a test counted or measured, as a sentence of RELIABILITY.md; `npm run torture` gathers these. */
export function figure(sentence: string): void {
  const file = process.env["DDPM_FIGURES"];
  if (file) appendFileSync(file, `- ${sentence}\n`);
}
