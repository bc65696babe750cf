// The Train tab
import { execFileSync } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect } from "@playwright/test";
import { cli, small } from "./cli.ts";
import { draw, faults, levels, test } from "./playground.ts";

const steps = 10;

test("ten steps in the page have the losses of ddpm train, and its checkpoint draws here and in ddpm sample", async ({ page, folder }) => {
  await page.addInitScript(() => {
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
  await page.goto(`/#tab=train&steps=${steps}&every=${steps}&seed=5`);
  await page.getByRole("button", { name: "Train", exact: true }).click();
  await expect(page.locator("#train-status")).toContainText(`Trained for ${steps} steps`, { timeout: 240_000 });
  await expect(page.locator("#train-device")).toContainText("On webgl");
  expect(await levels(page.locator("#train-grid"))).toBeGreaterThan(1); // so early the model draws mostly black and white
  expect(await faults(page)).toEqual([]);
  await page.screenshot({ path: "test-results/playground-train.png", fullPage: true });
  const losses = new Map(await page.evaluate(() => (globalThis as unknown as { found: [number, number][] }).found));

  cli("train", ...small, "--train.batch", "8", "--seed", "5", "--steps", `${steps}`, "--out", join(folder, "same"));
  const log = readFileSync(join(folder, "same/log.jsonl"), "utf8").trim().split("\n");
  const expected = log.map((line) => JSON.parse(line) as { step: number; loss: number });
  expect(losses.size).toBe(steps);
  for (const { step, loss } of expected) expect(Math.abs(losses.get(step)! - loss) / loss, `step ${step}`).toBeLessThan(1e-4);

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
