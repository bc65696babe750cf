// What a device may do to a run: be lost, and leave nothing behind
import { expect, type Page, type Worker } from "@playwright/test";
import { contextsOpened, loseContexts, objectsOf, watchGpu } from "./gpu-watch.ts";
import { content, draw, open, test } from "./playground.ts";

/** Opens the page anew, with a watch on its worker. */
async function openWatched(page: Page, run: string, hash: string): Promise<Worker> {
  await page.goto("about:blank");
  await open(page, run, hash);
  const worker = page.workers()[0]!;
  await watchGpu(worker);
  return worker;
}

/** Runs of a hundred steps each, by what they start from. */
const starts = {
  noise: "#steps=100&count=2",
  "a picture, guided": "#steps=200&count=2&start=picture&strength=0.5&class=1&guidance=2",
  "a part of a picture": "#steps=100&count=2&start=part",
};

for (const [name, hash] of Object.entries(starts)) {
  test(`a run from ${name} whose context is lost goes on from its last step and draws the same`, async ({ page, classRun }) => {
    const begin = async (): Promise<Worker> => {
      const worker = await openWatched(page, classRun, `${hash}&device=webgl`);
      if (name === "a part of a picture") {
        await page.locator("#easel").click();
        await page.getByRole("button", { name: "Invert" }).click();
      }
      return worker;
    };
    await begin();
    await draw(page, 100);
    const undisturbed = await content(page);
    const worker = await begin();
    await page.getByRole("button", { name: "Draw", exact: true }).click();
    await expect(page.locator("#status")).toContainText(/Step [2-9]\d? of 100/, { timeout: 60_000 });
    const before = await contextsOpened(worker);
    await loseContexts(worker);
    await expect(page.locator("#status")).toContainText("100 steps in", { timeout: 120_000 });
    expect(await contextsOpened(worker)).toBeGreaterThan(before); // it was lost, and another made
    expect(await content(page)).toBe(undisturbed);
  });
}

test("training whose context is lost goes on from its last pictures, and learns the same", async ({ page }) => {
  const train = async (disturb: () => Promise<void>): Promise<string | null> => {
    await page.goto("about:blank");
    await page.goto("/#tab=train&steps=12&every=3");
    page.once("worker", (worker) => void watchGpu(worker));
    await page.getByRole("button", { name: "Train", exact: true }).click();
    await disturb();
    await expect(page.locator("#train-status")).toContainText("Trained for 12 steps", { timeout: 120_000 });
    return page.locator("#train-status").textContent();
  };
  let before = 0;
  const undisturbed = await train(async () => {});
  const disturbed = await train(async () => {
    await expect(page.locator("#train-status")).toContainText(/Step ([4-9]|1\d) of 12/, { timeout: 120_000 });
    before = await contextsOpened(page.workers()[0]!);
    await loseContexts(page.workers()[0]!);
  });
  expect(await contextsOpened(page.workers()[0]!)).toBeGreaterThan(before);
  expect(disturbed).toBe(undisturbed);
});

test("twenty runs leave as much on the GPU as one", async ({ page, run }) => {
  const worker = await openWatched(page, run, "#steps=2&count=1&device=webgl");
  const after: Awaited<ReturnType<typeof objectsOf>>[] = [];
  for (let i = 0; i < 20; i++) {
    await draw(page, 2);
    after.push(await objectsOf(worker));
    await page.locator("#settings [name=seed]").fill(`${i + 1}`);
  }
  const [context, ...others] = after[0]!;
  expect(others).toEqual([]);
  expect(context!.Texture.most).toBeGreaterThan(50);
  expect(after.at(-1)).toEqual(after[0]);
  expect(await contextsOpened(worker)).toBe(1);
});
