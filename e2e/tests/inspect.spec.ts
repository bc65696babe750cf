// The Inspect tab
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "@playwright/test";
import { drop, faults, test } from "./playground.ts";

test("a run's checkpoint and log, dropped together, show configuration, tensors and the loss", async ({ page, run }) => {
  await page.goto("/#tab=inspect");
  const files = ["model.safetensors", "log.jsonl"].map((name) => ({ name, content: readFileSync(join(run, name)) }));
  await drop(page, ...files);
  await expect(page.locator("#facts")).toContainText("57,121");
  await expect(page.getByRole("row", { name: /^model\.dim 8 Width of the first level/ })).toBeVisible();
  await expect(page.getByRole("row", { name: /^init_conv\.weight 4×1×7×7 F32/ })).toBeVisible();
  await expect(page.locator("#log-message")).toContainText("log.jsonl: 20 steps, the last with loss 0.");
  await expect(page.locator("#log-chart canvas")).toBeVisible();
  expect(await faults(page)).toEqual([]);
  await page.screenshot({ path: "test-results/playground-inspect.png", fullPage: true });
});

test("a log that is none gets a clear message, and the curve before stays", async ({ page, run }) => {
  await page.goto("/#tab=inspect");
  await page.setInputFiles("#log", join(run, "log.jsonl"));
  await expect(page.locator("#log-message")).toContainText("20 steps");
  await drop(page, { name: "bad.jsonl", content: Buffer.from('{"step":1}\n') });
  await expect(page.locator("#log-message")).toContainText(
    `bad.jsonl: Expected numbers "step" and "loss" as JSON in line 1 but found {"step":1}; choose the log.jsonl of a run folder`,
  );
  await expect(page.locator("#log-message")).toContainText("the curve before stays");
});
