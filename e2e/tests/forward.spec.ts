// The Forward tab
import { scheduleNames } from "@ddpm/core/diffusion";
import { expect, type Page } from "@playwright/test";
import { drop, faults, levels, test } from "./playground.ts";

const pictures = (page: Page) => page.locator("#noised canvas");

/** The mean absolute difference between neighbouring pixels of the first schedule's picture: what noise adds to. */
const roughness = (page: Page): Promise<number> =>
  pictures(page)
    .first()
    .evaluate((canvas: HTMLCanvasElement) => {
      const { data } = canvas.getContext("2d")!.getImageData(0, 0, canvas.width, canvas.height);
      const red = data.filter((_, i) => i % 4 === 0);
      return red.slice(1).reduce((sum, x, i) => sum + Math.abs(x - red[i]!), 0) / red.length;
    });

test("noise grows with t, side by side for every schedule, above their curves", async ({ page }) => {
  await page.goto("/#tab=forward&t=0");
  await expect(pictures(page)).toHaveCount(scheduleNames.length);
  await expect(page.locator("#curves figure")).toHaveCount(3);
  for (const picture of await pictures(page).all()) expect(await levels(picture)).toBeGreaterThan(1);
  const before = await roughness(page);
  await page.locator("#forward [name=t]").fill("500");
  await expect(pictures(page).first()).toHaveAttribute("aria-label", /t = 500/);
  expect(await roughness(page)).toBeGreaterThan(2 * before);
  await expect(page).toHaveURL(/t=500/);
  await page.locator("#forward [name=t]").fill("150");
  await expect(pictures(page).first()).toHaveAttribute("aria-label", /t = 150/);
  expect(await faults(page)).toEqual([]);
  await page.screenshot({ path: "test-results/playground-forward.png", fullPage: true });
});

test("a link's t is marked in the curves, whose legends tell the values there", async ({ page }) => {
  await page.goto("/#tab=forward&timesteps=601&t=300");
  const marks = page.locator("#curves .marker");
  await expect(marks).toHaveCount(3);
  for (const mark of await marks.all()) {
    const place = () =>
      mark.evaluate((mark) => (mark.getBoundingClientRect().x - mark.parentElement!.getBoundingClientRect().x) / mark.parentElement!.clientWidth);
    await expect.poll(place).toBeCloseTo(0.5, 1);
  }
  await expect(page.locator("#curves .u-legend").first()).toContainText("0.01005"); // linear's beta in the middle
});

test("the number of timesteps can be changed, and bounds t", async ({ page }) => {
  await page.goto("/#tab=forward&timesteps=100&t=99");
  await expect(page.locator("#t-value")).toHaveText("99 of 99");
  await page.locator("#forward [name=timesteps]").fill("50");
  await expect(page.locator("#t-value")).toHaveText("49 of 49");
});

test("a person's own picture is noised when it is dropped; what is no picture is said to be none", async ({ page }) => {
  await page.goto("/#tab=forward&t=0");
  const red = Buffer.from(
    await page.evaluate(() => {
      const canvas = document.createElement("canvas");
      [canvas.width, canvas.height] = [40, 30];
      const context = canvas.getContext("2d")!;
      context.fillStyle = "red";
      context.fillRect(0, 0, 40, 30);
      return canvas.toDataURL().split(",")[1]!;
    }),
    "base64",
  );
  await drop(page, { name: "red.png", type: "image/png", content: red });
  await expect(page.locator("#pictures-message")).toHaveText("red.png");
  await expect(page.getByLabel("red.png")).toBeChecked();
  const pixel = () =>
    pictures(page)
      .first()
      .evaluate((canvas: HTMLCanvasElement) => [...canvas.getContext("2d")!.getImageData(30, 30, 1, 1).data]);
  await expect.poll(async () => (await pixel())[0]! - (await pixel())[1]!).toBeGreaterThan(200);
  await drop(page, { name: "none.png", type: "image/png", content: Buffer.from("no picture") });
  await expect(page.locator("#pictures-message")).toContainText("none.png: Expected a picture");
  await expect(page.getByLabel("red.png")).toBeChecked();
});
