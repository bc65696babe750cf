// The page around the tabs
import { gzipSync } from "node:zlib";
import { expect } from "@playwright/test";
import { faults, test } from "./playground.ts";

const tabs = ["draw", "forward", "inspect", "train"];

test("arrow keys, Home and End lead from tab to tab, and the address keeps the tab", async ({ page }) => {
  await page.goto("/");
  await page.getByRole("tab", { name: "Draw" }).focus();
  await page.keyboard.press("ArrowRight");
  await expect(page.getByRole("tab", { name: "Forward" })).toBeFocused();
  await expect(page.getByRole("tabpanel", { name: "Forward" })).toBeVisible();
  await page.keyboard.press("End");
  await expect(page.getByRole("tab", { name: "Train" })).toHaveAttribute("aria-selected", "true");
  await expect(page).toHaveURL(/tab=train/);
  await page.keyboard.press("ArrowRight");
  await expect(page.getByRole("tabpanel", { name: "Draw" })).toBeVisible();
  await page.goBack();
  await expect(page.getByRole("tabpanel", { name: "Train" })).toBeVisible();
});

test("what the page loads before a person does anything is small", async ({ page }) => {
  const sizes: number[] = [];
  page.on("response", (response) => {
    if (response.request().resourceType() === "script") void response.body().then((body) => sizes.push(gzipSync(body).length));
  });
  await page.goto("/", { waitUntil: "networkidle" });
  expect(sizes.length).toBeGreaterThan(0);
  expect(sizes.reduce((sum, bytes) => sum + bytes)).toBeLessThan(150_000);
});

test("axe finds no fault in the dark either", async ({ page }) => {
  await page.emulateMedia({ colorScheme: "dark" });
  for (const tab of tabs) {
    await page.goto(`/#tab=${tab}&model=shapes&start=part`);
    await page.reload();
    await expect(page.locator(`#panel-${tab}`)).toBeVisible();
    if (tab === "forward") await expect(page.locator("#curves figure")).toHaveCount(3);
    if (tab === "draw") await expect(page.locator("#model")).toContainText("shapes: ");
    expect(await faults(page), tab).toEqual([]);
    await page.screenshot({ path: `test-results/dark-${tab}.png`, fullPage: true });
  }
});

test("a phone shows every tab without scrolling sideways", async ({ page }) => {
  await page.setViewportSize({ width: 360, height: 740 });
  for (const tab of tabs) {
    await page.goto(`/#tab=${tab}&model=shapes&start=part`);
    await page.reload();
    await expect(page.locator(`#panel-${tab}`)).toBeVisible();
    if (tab === "draw") await expect(page.locator("#model")).toContainText("shapes: ");
    expect(await page.evaluate(() => document.documentElement.scrollWidth), tab).toBeLessThanOrEqual(360);
    await page.screenshot({ path: `test-results/phone-${tab}.png`, fullPage: true });
  }
});
