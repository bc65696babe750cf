import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AxeBuilder } from "@axe-core/playwright";
import { expect, type Page, test } from "@playwright/test";

const folder = mkdtempSync(join(tmpdir(), "ddpm-"));
const checkpoint = join(folder, "run/model.safetensors");

test.use({ baseURL: "http://localhost:5180" });
test.beforeAll(() => {
  const size = ["--data", "shapes", "--preset", "tiny", "--data.height", "16", "--data.width", "16", "--train.sampleEvery", "1000"];
  execFileSync("node_modules/.bin/ddpm", ["train", ...size, "--steps", "20", "--out", join(folder, "run")], { stdio: "ignore" });
  writeFileSync(join(folder, "broken.safetensors"), "this is no checkpoint");
});
test.afterAll(() => rmSync(folder, { recursive: true, force: true }));

let complaints: string[] = [];
test.beforeEach(({ page }) => {
  complaints = [];
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
});
test.afterEach(() => expect(complaints).toEqual([]));

/** How many grey levels the picture shows. */
const levels = (page: Page): Promise<number> =>
  page.locator("#grid").evaluate((canvas: HTMLCanvasElement) => {
    const { data } = canvas.getContext("2d")!.getImageData(0, 0, canvas.width, canvas.height);
    return new Set(data.filter((_, i) => i % 4 === 0)).size;
  });

async function open(page: Page, hash = ""): Promise<void> {
  await page.goto(`/${hash}`);
  await page.setInputFiles("#file", checkpoint);
  await expect(page.locator("#model")).toContainText("16×16×1 pictures, trained for 20 steps");
}

test("a person loads a checkpoint, draws, looks back and saves", async ({ page }) => {
  await open(page, "#steps=6&count=3");
  await page.getByRole("button", { name: "Draw" }).click();
  await expect(page.locator("#status")).toContainText("6 steps in", { timeout: 60_000 });
  await expect(page.locator("#device")).toContainText("On wasm: WebGL is drawn by a CPU here");
  await expect(page.locator("#grid")).toHaveAttribute("aria-label", "3 pictures after step 6 of 6");
  const last = await levels(page);
  expect(last).toBeGreaterThan(10);
  await page.locator("#scrub").fill("1");
  await expect(page.locator("#grid")).toHaveAttribute("aria-label", "3 pictures after step 1 of 6");
  await page.getByLabel("Show the predicted").check();
  expect(await levels(page)).toBeGreaterThan(1);
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: "Save PNG" }).click();
  expect((await download).suggestedFilename()).toBe("ddpm.png");
  await page.screenshot({ path: "test-results/playground.png", fullPage: true });
});

test("a run can be paused, continued and cancelled", async ({ page }) => {
  await open(page, "#sampler=ddpm&count=16");
  await page.getByRole("button", { name: "Draw" }).click();
  await expect(page.locator("#status")).toContainText(/Step \d+ of 200/, { timeout: 60_000 });
  await page.getByRole("button", { name: "Pause" }).click();
  await page.waitForTimeout(500);
  const before = await page.locator("#progress").getAttribute("value");
  await page.waitForTimeout(500);
  expect(await page.locator("#progress").getAttribute("value")).toBe(before);
  await page.getByRole("button", { name: "Go on" }).click();
  await expect(page.locator("#progress")).not.toHaveAttribute("value", before!);
  await page.getByRole("button", { name: "Cancel" }).click();
  await expect(page.locator("#status")).toContainText("Cancelled after step");
  await expect(page.getByRole("button", { name: "Draw" })).toBeEnabled();
});

test("a bad file gets a clear message, and the model before stays", async ({ page }) => {
  await open(page);
  await page.setInputFiles("#file", join(folder, "broken.safetensors"));
  await expect(page.locator("#model")).toContainText("broken.safetensors: Expected");
  await expect(page.locator("#model")).toContainText("the model before stays");
  await page.locator("[name=steps]").fill("2");
  await page.getByRole("button", { name: "Draw" }).click();
  await expect(page.locator("#status")).toContainText("2 steps in", { timeout: 60_000 });
});

test("a file can be dropped on the page, and an address can name one", async ({ page }) => {
  const bytes = readFileSync(checkpoint).toString("base64");
  await page.goto("/");
  const dropped = await page.evaluateHandle((base64) => {
    const transfer = new DataTransfer();
    transfer.items.add(new File([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))], "dropped.safetensors"));
    return transfer;
  }, bytes);
  await page.dispatchEvent("body", "drop", { dataTransfer: dropped });
  await expect(page.locator("#model")).toContainText("dropped.safetensors: 57,121 parameters");
  await page.route("/checkpoint/there.safetensors", (route) => route.fulfill({ path: checkpoint }));
  await page.goto("/?checkpoint=checkpoint/there.safetensors");
  await expect(page.locator("#model")).toContainText("there.safetensors: 57,121 parameters");
});

test("the model that comes with the page draws", async ({ page }) => {
  await page.goto("/#steps=5&count=1");
  await page.getByRole("button", { name: "Try shapes" }).click();
  await expect(page.locator("#model")).toContainText("16×16×1 pictures, trained for 1,300 steps");
  await page.getByRole("button", { name: "Draw" }).click();
  await expect(page.locator("#status")).toContainText("5 steps in", { timeout: 60_000 });
  expect(await levels(page)).toBeGreaterThan(10);
});

test("axe finds no fault in the page, before and after a run", async ({ page }) => {
  await open(page, "#steps=2&count=1");
  expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([]);
  await page.getByRole("button", { name: "Draw" }).click();
  await expect(page.locator("#status")).toContainText("2 steps in", { timeout: 60_000 });
  expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([]);
});

test("the page stays free while it draws, on WebGL too", async ({ page }) => {
  await open(page, "#steps=3&count=4&device=webgl");
  await page.evaluate(() => {
    const long: number[] = [];
    Object.assign(globalThis, { long });
    new PerformanceObserver((list) => long.push(...list.getEntries().map(({ duration }) => duration))).observe({ type: "longtask" });
  });
  await page.getByRole("button", { name: "Draw" }).click();
  await expect(page.locator("#status")).toContainText("3 steps in", { timeout: 120_000 });
  // A model on the page's own thread would hold it for a second a step; what a busy machine adds is less
  const long = await page.evaluate(() => (globalThis as unknown as { long: number[] }).long);
  expect(long.filter((duration) => duration > 250)).toEqual([]);
});

test("an impossible setting is said in the page, and a link restores the settings", async ({ page }) => {
  await open(page, "#steps=500&seed=7&sampler=dpm%2B%2B");
  await expect(page.locator("[name=seed]")).toHaveValue("7");
  await page.getByRole("button", { name: "Draw" }).click();
  await expect(page.locator("#status")).toContainText("Expected steps to be an integer in [1,");
  await page.locator("[name=steps]").fill("3");
  await expect(page).toHaveURL(/steps=3&.*seed=7/);
});
