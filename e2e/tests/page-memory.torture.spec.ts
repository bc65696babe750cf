// What a page takes up that is used for long: nothing may pile up
import { join } from "node:path";
import { figure, long, times } from "@ddpm/torture";
import { expect, type Page, type Worker } from "@playwright/test";
import { type Footprint, type Memory, Scales, type TfjsEngine } from "./footprint.ts";
import { draw, open, test } from "./playground.ts";

/** What may be more at the end, in MiB: how much code is compiled, and what allocators keep, varies. */
const allowed: Readonly<Record<Memory, number>> = {
  "page's heap": 1,
  "page's buffers": 0.1,
  "worker's heap": 1,
  "worker's buffers": 0.1,
  WebAssembly: 0,
  renderer: 24,
  "GPU process": 24,
  "browser process": 24,
};

/** Nodes that were replaced may wait for their collection. */
const nodesAllowed = 4;

/** Holds a page that did `what` to take up as much as before, but for what is allowed, and tells how much that is. */
function expectSame(what: string, before: Footprint, after: Footprint): void {
  const kinds = Object.keys(allowed) as Memory[];
  const more = (kind: Memory): number => after.memory[kind] - before.memory[kind];
  const memory = kinds.map((kind) => `${kind} ${after.memory[kind].toFixed(1)} MiB (${more(kind) < 0 ? "" : "+"}${more(kind).toFixed(2)})`);
  figure(
    `${what}: ${memory.join(", ")}; ${Object.entries(after.counts)
      .map(([name, count]) => `${count} ${name}`)
      .join(", ")}`,
  );
  const [{ nodes: nodesBefore, ...countsBefore }, { nodes, ...counts }] = [before.counts, after.counts];
  expect(counts).toEqual(countsBefore);
  expect(nodes).toBeLessThanOrEqual(nodesBefore! + nodesAllowed);
  for (const kind of kinds) expect(more(kind), `MiB more of ${kind}`).toBeLessThanOrEqual(allowed[kind]);
}

/** Opens the page with a model, and with scales that watch its worker. */
async function openOnScales(page: Page, run: string, hash = ""): Promise<Scales> {
  if (long) test.setTimeout(4 * 3_600_000);
  await Scales.prepare(page);
  await open(page, run, hash);
  return Scales.of(page);
}

/** Steps of a drawing. */
const steps = 2;
const starts = ["noise", "picture", "part", "seeds"];

/** What a person does in the Draw tab: chooses a model, draws from all there is to start from, looks back, and saves. */
async function visit(page: Page, run: string, seed: number): Promise<void> {
  await page.setInputFiles("#file", join(run, "model.safetensors"));
  await expect(page.locator("#model")).toContainText("57,121 parameters");
  await page.locator("#settings [name=seed]").fill(`${seed}`);
  for (const start of starts) {
    await page.locator("#settings [name=start]").selectOption(start);
    if (start === "part") await page.getByRole("button", { name: "All" }).click();
    await draw(page, steps);
  }
  await page.locator("#scrub").fill("1");
  for (const name of ["Save PNG", "Save GIF"]) {
    const download = page.waitForEvent("download");
    await page.getByRole("button", { name }).click();
    await (await download).delete();
  }
}

const visits = times({ short: 4, long: 500 });

for (const device of long ? ["webgl", "wasm", "tfjs-webgl", "cpu"] : ["webgl", "wasm"]) {
  const what = `${visits * starts.length} drawings on ${device}`;
  test(`${what} leave nothing in the page`, async ({ page, run }) => {
    const scales = await openOnScales(page, run, `#steps=${steps}&count=1&strength=1&device=${device}`);
    for (let i = 0; i <= visits / 20; i++) await visit(page, run, i);
    const before = await scales.read();
    for (let i = 0; i < visits; i++) await visit(page, run, i);
    expectSame(what, before, await scales.read());
  });
}

const changes = times({ short: 3, long: 100 });

test(`going ${changes} times from device to device leaves nothing in the page`, async ({ page, run }) => {
  const scales = await openOnScales(page, run, `#steps=${steps}&count=1`);
  const drawOnEach = async (): Promise<void> => {
    for (const device of long ? ["webgl", "auto", "tfjs-webgl", "cpu"] : ["webgl", "auto"]) {
      await page.locator("#settings [name=device]").selectOption(device);
      await draw(page, steps);
    }
  };
  for (let i = 0; i <= changes / 20; i++) await drawOnEach();
  const before = await scales.read();
  for (let i = 0; i < changes; i++) await drawOnEach();
  expectSame(`${changes} times from device to device`, before, await scales.read());
});

/** Notes what tfjs holds at each loss that the worker tells. */
const noteAtLosses = (worker: Worker): Promise<void> =>
  worker.evaluate(() => {
    const { _tfengine: engine } = globalThis as unknown as { _tfengine: TfjsEngine };
    const noted: ReturnType<TfjsEngine["memory"]>[] = [];
    const post = postMessage.bind(globalThis) as (message: { kind: string }, options: object) => void;
    const noting: typeof post = (message, options) => {
      if (message.kind === "loss") noted.push(engine.memory());
      post(message, options);
    };
    Object.assign(globalThis, { noted, postMessage: noting });
  });

async function train(page: Page, steps: number): Promise<void> {
  await page.locator("#training [name=steps]").fill(`${steps}`);
  await page.getByRole("button", { name: "Train", exact: true }).click();
  await expect(page.locator("#train-status")).toContainText(`Trained for ${steps} steps`, { timeout: 2 * 3_600_000 });
}

/** Steps of the training that is held to leave nothing, and how often it draws pictures. */
const [trained, every] = [times({ short: 12, long: 2000 }), times({ short: 4, long: 50 })];

for (const device of long ? ["webgl", "cpu"] : ["webgl"]) {
  const what = `${trained} steps of training on ${device}`;
  test(`${what} leave nothing in the page`, async ({ page, run }) => {
    const scales = await openOnScales(page, run);
    await noteAtLosses(scales.worker);
    await page.getByRole("tab", { name: "Train" }).click();
    await page.locator("#training [name=device]").selectOption(device);
    await page.locator("#training [name=size]").selectOption("8");
    for (const [name, value] of Object.entries({ dim: 4, batch: 2, every })) await page.locator(`#training [name=${name}]`).fill(`${value}`);
    for (let i = 0; i < 2; i++) await train(page, every);
    const before = await scales.read();
    await train(page, trained);
    expectSame(what, before, await scales.read());
    const noted = await scales.worker.evaluate(() => (globalThis as unknown as { noted: object[] }).noted);
    expect(noted.length).toBe(2 * every + trained);
    const afterFirstPictures = noted.slice(3 * every);
    for (const held of afterFirstPictures) expect(held).toEqual(afterFirstPictures[0]);
  });
}
