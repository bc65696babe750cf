import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AxeBuilder } from "@axe-core/playwright";
import { test as base, expect, type Locator, type Page } from "@playwright/test";
import { cli, small } from "./cli.ts";

/** Tests of the page: each fails where the page complains in its console. `folder` is an empty one; `run` is what twenty steps of `ddpm train` leave, `classRun` those of a model of classes. */
export const test = base.extend<{ quiet: undefined }, { folder: string; run: string; classRun: string }>({
  baseURL: "http://localhost:5180",
  quiet: [
    async ({ page }, use) => {
      const complaints: string[] = [];
      page.on("pageerror", (error) => complaints.push(error.message));
      page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
      await use(undefined);
      expect(complaints).toEqual([]);
    },
    { auto: true },
  ],
  folder: [
    // biome-ignore lint/correctness/noEmptyPattern: Playwright demands a pattern here
    async ({}, use) => {
      const folder = mkdtempSync(join(tmpdir(), "ddpm-"));
      await use(folder);
      rmSync(folder, { recursive: true, force: true });
    },
    { scope: "worker" },
  ],
  run: [
    async ({ folder }, use) => {
      cli("train", ...small, "--steps", "20", "--out", join(folder, "run"));
      await use(join(folder, "run"));
    },
    { scope: "worker" },
  ],
  classRun: [
    async ({ folder }, use) => {
      cli("train", ...small, "--conditional", "--steps", "20", "--out", join(folder, "class-run"));
      await use(join(folder, "class-run"));
    },
    { scope: "worker" },
  ],
});

/** Tests of what the browser itself complains of in its console. */
export const loudTest = test.extend({ quiet: async ({ page: _ }, use) => use(undefined) });

/** Opens the page with the checkpoint of a run. */
export async function open(page: Page, run: string, hash = ""): Promise<void> {
  await page.goto(`/${hash}`);
  await page.setInputFiles("#file", join(run, "model.safetensors"));
  await expect(page.locator("#model")).toContainText(/16×16×1 pictures( of 5 classes)?, trained for 20 steps/);
}

/** Draws, and waits until that is done. */
export async function draw(page: Page, steps: number): Promise<void> {
  await page.getByRole("button", { name: "Draw", exact: true }).click();
  await expect(page.locator("#status")).toContainText(`${steps} steps in`, { timeout: 120_000 });
}

/** What the grid shows, for comparisons. */
export const content = (page: Page): Promise<string> => page.locator("#grid").evaluate((canvas: HTMLCanvasElement) => canvas.toDataURL());

/** The red of each picture that the grid shows, which are of 16 × 16 pixels. */
export const pictures = (page: Page): Promise<number[][]> =>
  page.locator("#grid").evaluate((canvas: HTMLCanvasElement) => {
    const columns = (canvas.width + 1) / 17;
    const context = canvas.getContext("2d")!;
    return Array.from({ length: (columns * (canvas.height + 1)) / 17 }, (_, i) => {
      const { data } = context.getImageData((i % columns) * 17, Math.floor(i / columns) * 17, 16, 16);
      return [...data.filter((_, i) => i % 4 === 0)];
    });
  });

/** How many different levels of red a canvas shows. */
export const levels = (canvas: Locator): Promise<number> =>
  canvas.evaluate((canvas: HTMLCanvasElement) => {
    const { data } = canvas.getContext("2d")!.getImageData(0, 0, canvas.width, canvas.height);
    return new Set(data.filter((_, i) => i % 4 === 0)).size;
  });

/** Drops files on the page. */
export async function drop(page: Page, ...files: { name: string; type?: string; content: Buffer }[]): Promise<void> {
  const sent = files.map(({ name, type = "", content }) => ({ name, type, base64: content.toString("base64") }));
  const dataTransfer = await page.evaluateHandle((files) => {
    const transfer = new DataTransfer();
    for (const { name, type, base64 } of files) transfer.items.add(new File([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))], name, { type }));
    return transfer;
  }, sent);
  await page.dispatchEvent("body", "drop", { dataTransfer });
}

/** What axe finds wrong with the page as it is. */
export const faults = async (page: Page) => (await new AxeBuilder({ page }).analyze()).violations;
