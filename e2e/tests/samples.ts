import { readFileSync } from "node:fs";
import { join } from "node:path";
import { imagesFromNCHW } from "@ddpm/core";
import { decode } from "@ddpm/core/safetensors";
import { expect, type Page } from "@playwright/test";

/** What src/page.ts gives the page. */
declare const ddpm: { sample(device: string, url: string, options: object): Promise<number[]> };

/** Images [count, height, width, channels] that `ddpm sample` left in a file. */
export function samplesIn(file: string): Float32Array {
  const { shape, data } = decode(readFileSync(file)).tensors.get("samples")!;
  const [n, c, h, w] = shape as [number, number, number, number];
  return imagesFromNCHW(Float32Array.from(data), [n, h, w, c]);
}

/** Images that the checkpoint of a run draws on a device of the browser. */
export async function sample(page: Page, run: string, device: string, options: object): Promise<number[]> {
  await page.route("/checkpoint", (route) => route.fulfill({ path: join(run, "model.safetensors") }));
  return sampleFrom(page, "/checkpoint", device, options);
}

/** Images that the checkpoint at an address draws on a device of the browser. */
export async function sampleFrom(page: Page, address: string, device: string, options: object): Promise<number[]> {
  await page.goto("/");
  await page.waitForFunction(() => "ddpm" in globalThis);
  return page.evaluate(([address, device, options]) => ddpm.sample(device, address, options), [address, device, options] as const);
}

/** As parts of the range [-1, 1]. */
const differences = (found: readonly number[], expected: ArrayLike<number>): number[] => found.map((x, at) => Math.abs(x - expected[at]!) / 2);

/** Holds images to be the same but for rounding, and not blank. */
export function expectSame(found: readonly number[], expected: ArrayLike<number>): void {
  expect(found.length).toBe(expected.length);
  const parts = differences(found, expected);
  expect(Math.max(...parts)).toBeLessThanOrEqual(1 / 255);
  expect(parts.reduce((sum, x) => sum + x) / parts.length).toBeLessThanOrEqual(0.1 / 255);
  expect(Math.max(...found) - Math.min(...found)).toBeGreaterThan(0.5);
}

/** Holds images to differ by more than rounding. */
export const expectOther = (found: readonly number[], other: ArrayLike<number>): void =>
  expect(Math.max(...differences(found, other))).toBeGreaterThan(10 / 255);
