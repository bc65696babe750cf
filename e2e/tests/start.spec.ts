// What drawing starts from: a picture, a part of one, the way between two seeds
import { expect, type Page } from "@playwright/test";
import { draw, drop, faults, levels, open, pictures, test } from "./playground.ts";

const easel = (page: Page) => page.locator("#easel");
const startFrom = (page: Page) => page.locator("[name=start]");

/** The red of what the easel shows. */
const shown = (page: Page): Promise<number[]> =>
  easel(page).evaluate((canvas: HTMLCanvasElement) => [
    ...canvas
      .getContext("2d")!
      .getImageData(0, 0, canvas.width, canvas.height)
      .data.filter((_, i) => i % 4 === 0),
  ]);

/** Opens the page anew, and draws what an address says. */
async function drawn(page: Page, run: string, hash: string, steps: number): Promise<number[][]> {
  await page.goto("about:blank");
  await open(page, run, hash);
  await draw(page, steps);
  return pictures(page);
}

const distance = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, x, i) => sum + Math.abs(x - b[i]!), 0) / a.length;

/** A stroke of the pointer, in parts of the easel. */
async function stroke(page: Page, from: readonly [number, number], to: readonly [number, number]): Promise<void> {
  await easel(page).scrollIntoViewIfNeeded();
  const { x, y, width, height } = (await easel(page).boundingBox())!;
  await page.mouse.move(x + from[0] * width, y + from[1] * height);
  await page.mouse.down();
  await page.mouse.move(x + to[0] * width, y + to[1] * height, { steps: 4 });
  await page.mouse.up();
  await page.mouse.move(0, 0);
}

for (const device of ["webgl", "wasm"]) {
  test(`what is not painted stays exactly, what is painted is drawn anew, on ${device}`, async ({ page, run }) => {
    await open(page, run, `#start=part&picture=7&steps=10&count=2&sampler=ddpm&times=2&device=${device}`);
    const picture = await shown(page);
    await stroke(page, [0.2, 0.2], [0.5, 0.6]);
    const veiled = await shown(page);
    const kept = veiled.map((x, i) => x === picture[i]);
    expect(kept.filter((x) => !x).length).toBeGreaterThan(20);
    expect(kept.filter((x) => x).length).toBeGreaterThan(100);
    await draw(page, 19); // all but the first of ten steps twice
    for (const found of await pictures(page)) {
      expect(found.filter((_, i) => kept[i])).toEqual(picture.filter((_, i) => kept[i]));
      expect(found.filter((x, i) => !kept[i] && x !== picture[i]).length).toBeGreaterThan(10);
    }
  });
}

test("keys paint too, and all, clear and invert do for the whole picture; nothing painted is said to be nothing", async ({ page, run }) => {
  await open(page, run, "#start=part&steps=2&count=1");
  const share = (part: number) => expect(easel(page)).toHaveAttribute("aria-label", new RegExp(`of which ${part} % is drawn anew`));
  await page.getByRole("button", { name: "Draw", exact: true }).click();
  await expect(page.locator("#status")).toHaveText("Expected a part to draw anew but found nothing painted; paint on the picture, or choose All");
  await page.locator("#brush").fill("1");
  await easel(page).focus();
  for (const key of ["Space", "ArrowRight", "Space", "ArrowDown", "Space"]) await page.keyboard.press(key);
  await share(1); // three pixels of 256
  await page.getByLabel("Erase").check();
  await easel(page).focus();
  for (const key of ["Space", "ArrowUp", "Space", "ArrowLeft", "Space"]) await page.keyboard.press(key);
  await share(0); // the brush was where it had been left
  await page.getByRole("button", { name: "Invert" }).click();
  await share(100);
  await page.getByRole("button", { name: "Clear" }).click();
  await share(0);
  await page.getByRole("button", { name: "All" }).click();
  await share(100);
  await draw(page, 2);
  expect(await faults(page)).toEqual([]);
});

test("samplers whose steps build on each other do not repaint, nor does one that corrects them inpaint, and both are said", async ({ page, run }) => {
  await open(page, run, "#start=part&times=3&steps=4");
  await expect(page.locator("#times")).toBeEnabled();
  await page.locator("[name=sampler]").selectOption("dpm++");
  await expect(page.locator("#times")).toBeDisabled();
  await expect(page.locator("#times-hint")).toContainText("Only once");
  await page.getByRole("button", { name: "All" }).click();
  await draw(page, 4);
  await page.locator("[name=sampler]").selectOption("heun");
  await expect(page.locator("#times-hint")).toContainText("Not with this sampler");
  await page.getByRole("button", { name: "Draw", exact: true }).click();
  await expect(page.locator("#status")).toContainText("any but heun");
});

test("little strength stays near the picture, and does the last steps alone", async ({ page, run }) => {
  await open(page, run, "#start=picture&picture=0&steps=20&count=1&strength=0.05");
  const picture = await shown(page);
  await draw(page, 1);
  const near = distance((await pictures(page))[0]!, picture);
  const [far] = await drawn(page, run, "#start=picture&picture=0&steps=20&count=1&strength=1", 20);
  expect(near).toBeLessThan(distance(far!, picture) / 3);
  expect(await faults(page)).toEqual([]);
});

test("a person's own picture can be dropped on the tab, is cut to the model's size and grey, and is started from", async ({ page, run }) => {
  await open(page, run, "#steps=4&count=1&strength=0.25");
  const [wide] = await page.evaluate(() => {
    const canvas = Object.assign(document.createElement("canvas"), { width: 90, height: 30 });
    const context = canvas.getContext("2d")!;
    for (const [i, colour] of ["blue", "red", "blue"].entries()) {
      context.fillStyle = colour;
      context.fillRect(30 * i, 0, 30, 30);
    }
    return [canvas.toDataURL().split(",")[1]!];
  });
  await drop(page, { name: "wide.png", type: "image/png", content: Buffer.from(wide!, "base64") });
  await expect(startFrom(page)).toHaveValue("picture");
  await expect(page.locator("#start-pictures-message")).toHaveText("wide.png");
  expect(new Set(await shown(page))).toEqual(new Set([76])); // red alone, as bright as it looks
  await draw(page, 1);
  expect(await levels(page.locator("#grid"))).toBeGreaterThan(1);
  await drop(page, { name: "none.png", type: "image/png", content: Buffer.from("no picture") });
  await expect(page.locator("#start-pictures-message")).toContainText("none.png: Expected a picture");
  expect(new Set(await shown(page))).toEqual(new Set([76]));
});

test("pictures lead from one seed to another, and the ends are those of the seeds", async ({ page, run }) => {
  const way = await drawn(page, run, "#steps=3&count=4&seed=5&start=seeds&seed2=9", 3);
  const [from] = await drawn(page, run, "#steps=3&count=1&seed=5", 3);
  const [to] = await drawn(page, run, "#steps=3&count=1&seed=9", 3);
  expect(way[0]).toEqual(from);
  expect(way[3]).toEqual(to);
  expect(new Set(way.map(String)).size).toBe(4);
  expect(distance(way[1]!, from!)).toBeLessThan(distance(way[2]!, from!));
});
