// What a device may do to a run: be lost, and leave nothing behind
import { expect, type Page, type Worker } from "@playwright/test";
import { content, draw, open, test } from "./playground.ts";

/** What `watchContexts` leaves in the worker. */
declare const contexts: WebGL2RenderingContext[];
declare const made: Record<string, { count: number; most: number }>;

/** Remembers the WebGL contexts that the worker makes, and counts their textures, framebuffers, buffers and fences. */
const watchContexts = (worker: Worker): Promise<void> =>
  worker.evaluate(() => {
    const contexts: RenderingContext[] = [];
    const made: Record<string, { count: number; most: number }> = {};
    Object.assign(globalThis, { contexts, made });
    const original = OffscreenCanvas.prototype.getContext as (...args: unknown[]) => RenderingContext;
    OffscreenCanvas.prototype.getContext = function (this: OffscreenCanvas, ...args: unknown[]) {
      const context = original.apply(this, args);
      if (context && !contexts.includes(context)) contexts.push(context);
      return context;
    } as typeof OffscreenCanvas.prototype.getContext;
    const prototype = WebGL2RenderingContext.prototype as unknown as Record<string, (...args: unknown[]) => unknown>;
    const counted = { Texture: "createTexture", Framebuffer: "createFramebuffer", Buffer: "createBuffer", Sync: "fenceSync" };
    for (const [kind, creates] of Object.entries(counted)) {
      const own = { count: 0, most: 0 };
      made[kind] = own;
      const [create, remove] = [prototype[creates]!, prototype[`delete${kind}`]!];
      prototype[creates] = function (...args) {
        own.most = Math.max(own.most, ++own.count);
        return create.apply(this, args);
      };
      prototype[`delete${kind}`] = function (...args) {
        own.count--;
        return remove.apply(this, args);
      };
    }
  });

/** Opens the page anew, with a watch on its worker. */
async function openWatched(page: Page, run: string, hash: string): Promise<Worker> {
  await page.goto("about:blank");
  await open(page, run, hash);
  const worker = page.workers()[0]!;
  await watchContexts(worker);
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
    const before = await worker.evaluate(() => {
      contexts.at(-1)!.getExtension("WEBGL_lose_context")!.loseContext();
      return contexts.length;
    });
    await expect(page.locator("#status")).toContainText("100 steps in", { timeout: 120_000 });
    expect(await worker.evaluate(() => contexts.length)).toBeGreaterThan(before); // it was lost, and another made
    expect(await content(page)).toBe(undisturbed);
  });
}

test("training whose context is lost goes on from its last pictures, and learns the same", async ({ page }) => {
  const train = async (disturb: () => Promise<void>): Promise<string | null> => {
    await page.goto("about:blank");
    await page.goto("/#tab=train&steps=12&every=3");
    page.once("worker", (worker) => void watchContexts(worker));
    await page.getByRole("button", { name: "Train", exact: true }).click();
    await disturb();
    await expect(page.locator("#train-status")).toContainText("Trained for 12 steps", { timeout: 120_000 });
    return page.locator("#train-status").textContent();
  };
  let before = 0;
  const undisturbed = await train(async () => {});
  const disturbed = await train(async () => {
    await expect(page.locator("#train-status")).toContainText(/Step ([4-9]|1\d) of 12/, { timeout: 120_000 });
    before = await page.workers()[0]!.evaluate(() => {
      for (const context of contexts) context.getExtension("WEBGL_lose_context")!.loseContext();
      return contexts.length;
    });
  });
  expect(await page.workers()[0]!.evaluate(() => contexts.length)).toBeGreaterThan(before);
  expect(disturbed).toBe(undisturbed);
});

test("twenty runs leave as much on the GPU as one", async ({ page, run }) => {
  const worker = await openWatched(page, run, "#steps=2&count=1&device=webgl");
  const after: (typeof made)[] = [];
  for (let i = 0; i < 20; i++) {
    await draw(page, 2);
    after.push(await worker.evaluate(() => structuredClone(made)));
    await page.locator("#settings [name=seed]").fill(`${i + 1}`);
  }
  expect(after[0]!["Texture"]!.most).toBeGreaterThan(50);
  expect(after.at(-1)).toEqual(after[0]);
  expect(await worker.evaluate(() => contexts.length)).toBe(1);
});
