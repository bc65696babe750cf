// The documentation as it is built, on any static host, below a path of its own
import { execFileSync } from "node:child_process";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, type Page } from "@playwright/test";
import sirv from "sirv";
import { faults, levels, test } from "./playground.ts";

const root = new URL("../..", import.meta.url).pathname;
/** A page of each kind. */
const pages = ["index", "work/forward", "work/loss", "work/exercises", "numbers", "api/core/schedule", "source/packages/core/src/diffusion.ts"];
let server: Server;
let home: string;

test.beforeAll(async () => {
  test.setTimeout(900_000);
  execFileSync(process.execPath, ["--import", "tsx", "docs/scripts/build.ts"], { cwd: root, stdio: "ignore" });
  const site = sirv(`${root}docs/.vitepress/dist`, { dev: true });
  server = createServer((request, response) => {
    request.url = request.url!.replace(/^\/lab/, "");
    site(request, response, () => void response.writeHead(404).end());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  home = `http://localhost:${(server.address() as AddressInfo).port}/lab`;
});
test.afterAll(() => server.close().closeAllConnections());

const open = (page: Page, name: string) => page.goto(`${home}/${name}.html`, { waitUntil: "networkidle" });

test("formulas stand beside the lines that implement them, which lead to the file", async ({ page }) => {
  await open(page, "work/forward");
  const equation = page.locator("figure.equation").filter({ hasText: "eq. 4" });
  await expect(equation.locator(".katex-display")).toBeVisible();
  await expect(equation.locator("code")).toContainText("export const qSample");
  await equation.getByRole("link", { name: /diffusion\.ts, line \d+/ }).click();
  await expect(page.locator(".line:target")).toContainText("Eq. 4");
});

test("the Forward tab moves within a page, as high as it needs and without the rest of the playground", async ({ page }) => {
  await open(page, "work/forward");
  const widget = page.locator(".widget iframe");
  await widget.scrollIntoViewIfNeeded();
  const frame = page.frameLocator(".widget iframe");
  const picture = frame.locator("#noised canvas").first();
  await expect(picture).toHaveAttribute("aria-label", /t = 200/);
  await frame.locator("[name=t]").fill("550");
  await expect(picture).toHaveAttribute("aria-label", /t = 550/);
  expect(await levels(picture)).toBeGreaterThan(50);
  await expect(frame.getByRole("tab")).toHaveCount(0);
  await expect(frame.locator("#curves")).toBeHidden();
  await expect.poll(() => frame.locator("html").evaluate((html) => html.scrollHeight - html.clientHeight)).toBeLessThanOrEqual(0);
  await page.screenshot({ path: "test-results/docs-forward.png" });
});

test("the Draw tab draws within a page, and goes back through the steps", async ({ page }) => {
  await open(page, "work/sampling");
  await page.locator(".widget iframe").scrollIntoViewIfNeeded();
  const frame = page.frameLocator(".widget iframe");
  await expect(frame.locator("#model")).toContainText("fashion: ");
  await frame.getByRole("button", { name: "Draw", exact: true }).click();
  await expect(frame.locator("#status")).toContainText("20 steps in", { timeout: 120_000 });
  await frame.locator("#scrub").fill("3");
  await expect(frame.locator("#grid")).toHaveAttribute("aria-label", /after step 3 of 20/);
  await expect(frame.locator("#settings [name=device]")).toBeHidden();
  await page.screenshot({ path: "test-results/docs-draw.png" });
});

test("a widget is as light or dark as its page", async ({ page }) => {
  await open(page, "work/forward");
  await page.locator(".widget iframe").scrollIntoViewIfNeeded();
  const scheme = () =>
    page
      .frameLocator(".widget iframe")
      .locator("html")
      .evaluate((html) => getComputedStyle(html).colorScheme);
  await expect.poll(scheme).toBe("light");
  await page.locator(".VPNavBarAppearance button").click();
  await expect.poll(scheme).toBe("dark");
});

test("search finds a page and goes there", async ({ page }) => {
  await open(page, "index");
  await page
    .getByRole("button", { name: /search/i })
    .first()
    .click();
  await page.locator("#localsearch-input").fill("how long the average remembers");
  await page.locator(".VPLocalSearchBox .result").first().click();
  await expect(page).toHaveURL(/work\/exercises/);
});

for (const colorScheme of ["light", "dark"] as const)
  test(`axe finds no fault in ${colorScheme} pages`, async ({ page }) => {
    await page.emulateMedia({ colorScheme });
    for (const name of pages) {
      await open(page, name);
      expect(await faults(page), name).toEqual([]);
    }
  });

test("a phone shows every page without scrolling sideways", async ({ page }) => {
  await page.setViewportSize({ width: 360, height: 740 });
  for (const name of [...pages, "work/index", "work/schedules", "work/network", "work/training", "work/sampling"]) {
    await open(page, name);
    expect(await page.evaluate(() => document.documentElement.scrollWidth), name).toBeLessThanOrEqual(360);
  }
});
