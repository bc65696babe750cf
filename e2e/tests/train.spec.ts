// The Train tab
import { execFileSync } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect, type Page } from "@playwright/test";
import { cli, small } from "./cli.ts";
import { draw, faults, levels, test } from "./playground.ts";

const steps = 10;

/** Remembers the losses that the worker tells. */
const watchLosses = (page: Page) =>
  page.addInitScript(() => {
    const found: [number, number][] = [];
    Object.assign(globalThis, { found });
    const Original = Worker;
    globalThis.Worker = class extends Original {
      constructor(...rest: ConstructorParameters<typeof Worker>) {
        super(...rest);
        this.addEventListener("message", ({ data }) => data.kind === "loss" && found.push([data.step, data.loss]));
      }
    };
  });

/** Holds the losses to be those of `ddpm train` with seed 5 and these flags. */
async function expectLossesOf(page: Page, out: string, ...flags: string[]): Promise<void> {
  const losses = new Map(await page.evaluate(() => (globalThis as unknown as { found: [number, number][] }).found));
  cli("train", ...small, "--train.batch", "8", "--seed", "5", ...flags, "--out", out);
  const log = readFileSync(join(out, "log.jsonl"), "utf8").trim().split("\n");
  const expected = log.map((line) => JSON.parse(line) as { step: number; loss: number });
  expect(losses.size).toBe(expected.length);
  for (const { step, loss } of expected) expect(Math.abs(losses.get(step)! - loss) / loss, `step ${step}`).toBeLessThan(1e-4);
}

test("ten steps in the page have the losses of ddpm train, and its checkpoint draws here and in ddpm sample", async ({ page, folder }) => {
  await watchLosses(page);
  await page.goto(`/#tab=train&steps=${steps}&every=${steps}&seed=5`);
  await page.getByRole("button", { name: "Train", exact: true }).click();
  await expect(page.locator("#train-status")).toContainText(`Trained for ${steps} steps`, { timeout: 240_000 });
  await expect(page.locator("#train-device")).toContainText("On webgl");
  expect(await levels(page.locator("#train-grid"))).toBeGreaterThan(1); // so early the model draws mostly black and white
  expect(await faults(page)).toEqual([]);
  await page.screenshot({ path: "test-results/playground-train.png", fullPage: true });
  await expectLossesOf(page, join(folder, "same"), "--steps", `${steps}`);

  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: "Download checkpoint" }).click();
  const checkpoint = join(folder, "trained-in-page.safetensors");
  await (await download).saveAs(checkpoint);
  cli("sample", "--checkpoint", checkpoint, "--count", "4", "--sampler", "ddim", "--steps", "3", "--out", join(folder, "grid.png"));
  expect(statSync(join(folder, "grid.png")).size).toBeGreaterThan(100);

  const python = process.env["DDPM_BENCH_PYTHON"];
  if (python) expect(execFileSync(python, ["../bench/pytorch/check.py", checkpoint], { encoding: "utf8" })).toContain("loaded with strict=True");

  await page.getByRole("button", { name: "Use in Draw" }).click();
  await expect(page.locator("#model")).toContainText(`trained for ${steps} steps`);
  await page.locator("#settings [name=steps]").fill("3");
  await draw(page, 3);
});

test("a model that is told the classes trains as with --conditional, and can then be asked for one", async ({ page, folder }) => {
  await watchLosses(page);
  await page.goto("/#tab=train&steps=4&every=4&seed=5&conditional=yes");
  await expect(page.getByLabel("Tell the model the classes")).toBeChecked();
  await page.getByRole("button", { name: "Train", exact: true }).click();
  await expect(page.locator("#train-status")).toContainText("Trained for 4 steps", { timeout: 120_000 });
  await expect(page.locator("#train-grid")).toHaveAttribute("aria-label", /5 pictures .*: disc, square, triangle, ring, cross/);
  await expectLossesOf(page, join(folder, "conditional"), "--conditional", "--steps", "4");
  await page.getByRole("button", { name: "Use in Draw" }).click();
  await page.locator("#class-name").selectOption("ring");
  await page.locator("#settings [name=steps]").fill("2");
  await draw(page, 2);
  await expect(page.locator("#caption")).toHaveText("Class: ring");
});

test("training can be stopped, and what was learned stays", async ({ page }) => {
  await page.goto("/#tab=train&steps=1000");
  await page.getByRole("button", { name: "Train", exact: true }).click();
  await expect(page.locator("#train-status")).toContainText(/Step \d+ of 1000: loss/, { timeout: 120_000 });
  await page.getByRole("button", { name: "Stop" }).click();
  await expect(page.locator("#train-status")).toContainText(/Trained for \d+ steps/, { timeout: 60_000 });
  await expect(page.getByRole("button", { name: "Download checkpoint" })).toBeEnabled();
});

test("an impossible setting is said in the page", async ({ page }) => {
  await page.goto("/#tab=train&dim=8&lr=0");
  await page.getByRole("button", { name: "Train", exact: true }).click();
  await expect(page.locator("#train-status")).toContainText("train.lr");
});
