// The Draw tab
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { samplerNames } from "@ddpm/core/diffusion";
import { expect, type Page } from "@playwright/test";
import { content, draw, drop, faults, levels, open, test } from "./playground.ts";

const grid = (page: Page) => page.locator("#grid");

async function saved(page: Page, button: string): Promise<{ name: string; bytes: Buffer }> {
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: button }).click();
  const file = await download;
  return { name: file.suggestedFilename(), bytes: readFileSync(await file.path()) };
}

test("a person loads a checkpoint, draws, looks back and saves a picture large enough to look at", async ({ page, run }) => {
  await open(page, run, "#steps=6&count=3");
  await draw(page, 6);
  await expect(page.locator("#device")).toContainText("On wasm: WebGL is drawn by a CPU here");
  await expect(grid(page)).toHaveAttribute("aria-label", "3 pictures after step 6 of 6");
  expect(await levels(grid(page))).toBeGreaterThan(10);
  await page.locator("#scrub").fill("1");
  await expect(grid(page)).toHaveAttribute("aria-label", "3 pictures after step 1 of 6");
  await page.getByLabel("Show the predicted").check();
  expect(await levels(grid(page))).toBeGreaterThan(1);
  const { name, bytes } = await saved(page, "Save PNG");
  expect(name).toBe("ddpm.png");
  expect(bytes.readUInt32BE(16)).toBe(33 * 16); // the width in its header: two pictures of 16 and a line between, sixteen times as large
  await page.locator("#scrub").fill("6");
  await page.screenshot({ path: "test-results/playground-draw.png", fullPage: true });
});

test("the page knows every sampler, and draws with Heun's on the planned WebGL", async ({ page, run }) => {
  await open(page, run, "#sampler=heun&steps=5&count=1&device=webgl");
  const listed = await page
    .locator("#settings [name=sampler] option")
    .evaluateAll((options: HTMLOptionElement[]) => options.map(({ value }) => value));
  expect(listed.sort()).toEqual(["", ...samplerNames].sort());
  await draw(page, 5);
  expect(await levels(grid(page))).toBeGreaterThan(10);
});

test("an animated GIF of the way there has a frame for each step", async ({ page, run }) => {
  await open(page, run, "#steps=6&count=2");
  await draw(page, 6);
  const { name, bytes } = await saved(page, "Save GIF");
  expect(name).toBe("ddpm.gif");
  const { width, frames } = await page.evaluate(async (base64) => {
    const data = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
    const decoder = new ImageDecoder({ data, type: "image/gif" });
    await decoder.completed;
    const { image } = await decoder.decode({ frameIndex: 5 });
    return { width: image.displayWidth, frames: decoder.tracks.selectedTrack!.frameCount };
  }, bytes.toString("base64"));
  expect(frames).toBe(6);
  expect(width).toBe(33 * 16);
});

test("a run can be paused, continued and cancelled, and says how long it will take", async ({ page, run }) => {
  await open(page, run, "#sampler=ddpm&count=16");
  await page.getByRole("button", { name: "Draw" }).click();
  await expect(page.locator("#status")).toContainText(/Step \d+ of 200, \d+ s left/, { timeout: 60_000 });
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

test("a bad file gets a clear message, and the model before stays", async ({ page, run, folder }) => {
  await open(page, run, "#steps=2");
  const broken = join(folder, "broken.safetensors");
  writeFileSync(broken, "this is no checkpoint");
  await page.setInputFiles("#file", broken);
  await expect(page.locator("#model")).toContainText("broken.safetensors: Expected");
  await expect(page.locator("#model")).toContainText("the model before stays");
  await draw(page, 2);
});

test("a file can be dropped on the page, and an address can name one", async ({ page, run }) => {
  const checkpoint = join(run, "model.safetensors");
  await page.goto("/");
  await drop(page, { name: "dropped.safetensors", content: readFileSync(checkpoint) });
  await expect(page.locator("#model")).toContainText("dropped.safetensors: 57,121 parameters");
  await page.route("/checkpoint/there.safetensors", (route) => route.fulfill({ path: checkpoint }));
  await page.goto("/?checkpoint=checkpoint/there.safetensors");
  await expect(page.locator("#model")).toContainText("there.safetensors: 57,121 parameters");
});

test("the model that comes with the page draws, and its link draws the same again", async ({ page, context }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await page.goto("/#steps=5&count=2");
  await page.getByRole("button", { name: "Try shapes" }).click();
  await expect(page.locator("#model")).toContainText("16×16×1 pictures of 5 classes, trained for 1,300 steps");
  await page.locator("#settings [name=seed]").fill("3");
  await page.locator("#class-name").selectOption("ring");
  await draw(page, 5);
  expect(await levels(grid(page))).toBeGreaterThan(10);
  const drawn = await content(page);
  await page.getByRole("button", { name: "Copy link" }).click();
  await expect(page.locator("#saved")).toContainText("Copied a link");
  const link = await page.evaluate(() => navigator.clipboard.readText());
  await page.goto("about:blank");
  await page.goto(link);
  await expect(page.locator("#model")).toContainText("shapes: ");
  await draw(page, 5);
  expect(await content(page)).toBe(drawn);
});

test("the garments that come with the page are drawn", async ({ page }) => {
  await page.goto("/#steps=10&count=4&sampler=dpm%2B%2B");
  await page.getByRole("button", { name: "Try Fashion-MNIST" }).click();
  await expect(page.locator("#model")).toContainText("28×28×1 pictures");
  await draw(page, 10);
  expect(await levels(grid(page))).toBeGreaterThan(50);
  await page.screenshot({ path: "test-results/playground-fashion.png", fullPage: true });
});

test("a model that does not come with this page is said to be missing", async ({ page }) => {
  await page.route("**/models/shapes.safetensors", (route) => route.fulfill({ status: 200, body: "not found" }));
  await page.goto("/");
  await page.getByRole("button", { name: "Try shapes" }).click();
  await expect(page.locator("#model")).toContainText("shapes: Expected");
});

test("axe finds no fault in the tab, before and after a run", async ({ page, run }) => {
  await open(page, run, "#steps=2&count=1");
  expect(await faults(page)).toEqual([]);
  await draw(page, 2);
  expect(await faults(page)).toEqual([]);
});

test("the page stays free while it draws, on WebGL too", async ({ page, run }) => {
  await open(page, run, "#steps=3&count=4&device=webgl");
  await page.evaluate(() => {
    const long: number[] = [];
    Object.assign(globalThis, { long });
    new PerformanceObserver((list) => long.push(...list.getEntries().map(({ duration }) => duration))).observe({ type: "longtask" });
  });
  await draw(page, 3);
  // A model on the page's own thread would hold it for a second a step; what a busy machine adds is less
  const long = await page.evaluate(() => (globalThis as unknown as { long: number[] }).long);
  expect(long.filter((duration) => duration > 250)).toEqual([]);
});

test("an impossible setting is said in the page, and a link restores the settings", async ({ page, run }) => {
  await open(page, run, "#steps=500&seed=7&sampler=dpm%2B%2B");
  await expect(page.locator("#settings [name=seed]")).toHaveValue("7");
  await page.getByRole("button", { name: "Draw" }).click();
  await expect(page.locator("#status")).toContainText("Expected steps to be an integer in [1,");
  await page.locator("#settings [name=steps]").fill("3");
  await expect(page).toHaveURL(/steps=3&.*seed=7/);
});
