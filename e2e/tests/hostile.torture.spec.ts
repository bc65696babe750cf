// What others made, given to the page: spoilt files and links are taken or refused in words, and what was there before stays
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { figure, long, seed, times } from "@ddpm/torture";
import { mutated, mutatedJson, type Random, random, withHeader } from "@ddpm/torture/mutation";
import { expect, type Page, test as plain } from "@playwright/test";
import { content, draw, open, test } from "./playground.ts";

if (long) test.describe.configure({ timeout: 3_600_000 });

interface Place {
  /** Input that a person chooses the file with, and where the page says what came of it. */
  readonly input: string;
  readonly message: string;
  readonly ending: string;
}

const places = {
  checkpoint: { input: "#file", message: "#model", ending: "safetensors" },
  log: { input: "#log", message: "#log-message", ending: "jsonl" },
  picture: { input: "#start-pictures-file", message: "#start-pictures-message", ending: "png" },
} as const satisfies Record<string, Place>;

/** What the page says of each file, which it is given one after another. */
const said = (page: Page, place: Place, files: readonly Uint8Array[]): Promise<string[]> =>
  page.evaluate(
    async ({ input, message, ending, sent }) => {
      const texts: string[] = [];
      const [chooser, place] = [document.querySelector<HTMLInputElement>(input)!, document.querySelector<HTMLElement>(message)!];
      for (const [i, base64] of sent.entries()) {
        const name = `spoilt-${i}.${ending}`;
        const transfer = new DataTransfer();
        transfer.items.add(new File([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))], name));
        place.textContent = "";
        chooser.files = transfer.files;
        chooser.dispatchEvent(new Event("change"));
        while (!place.textContent.startsWith(name)) await new Promise((resolve) => setTimeout(resolve, 1));
        texts.push(`${place.dataset["kind"]} ${place.textContent}`);
      }
      return texts;
    },
    { ...place, sent: files.map((file) => Buffer.from(file).toString("base64")) },
  );

/** Gives the page files that are spoilt and counts what it takes; each refusal has to say what was expected. */
async function give(page: Page, place: Place, tries: number, spoil: (draw: Random) => Uint8Array): Promise<string> {
  let refused = 0;
  for (let first = 0; first < tries; first += 50) {
    const inputs = Array.from({ length: Math.min(50, tries - first) }, (_, i) => spoil(random(seed, first + i)));
    const texts = await said(page, place, inputs);
    for (const text of texts.filter((text) => text.startsWith("error"))) {
      refused++;
      expect(text).toContain(": Expected ");
    }
  }
  expect(refused).toBeGreaterThan(0);
  return `${tries} spoilt files, ${tries - refused} read and ${refused} refused`;
}

/** A checkpoint with spoilt bytes, or with a header whose JSON says something else. */
function spoiltCheckpoint(checkpoint: Uint8Array, draw: Random): Uint8Array {
  if (draw() < 0.5) return mutated([checkpoint], draw);
  if (draw() >= 0.7) return withHeader(checkpoint, (json) => mutatedJson(json, draw));
  return withHeader(checkpoint, (json) => {
    const header = JSON.parse(json);
    return JSON.stringify({ ...header, __metadata__: { ddpm: mutatedJson(header.__metadata__.ddpm, draw) } });
  });
}

test("spoilt checkpoints are read or refused, and the page draws on as before", async ({ page, run }) => {
  const checkpoint = new Uint8Array(readFileSync(join(run, "model.safetensors")));
  await open(page, run, "#steps=2&count=1&device=wasm");
  await draw(page, 2);
  const before = await content(page);
  figure(
    `page, checkpoints: ${await give(page, places.checkpoint, times({ short: 100, long: 5000 }), (draw) => spoiltCheckpoint(checkpoint, draw))}`,
  );
  await open(page, run, "#steps=2&count=1&device=wasm");
  await draw(page, 2);
  expect(await content(page)).toBe(before);
});

test("spoilt logs are read or refused", async ({ page, run }) => {
  await page.goto("/#tab=inspect");
  await page.setInputFiles("#log", join(run, "log.jsonl"));
  await expect(page.locator("#log-message")).toContainText("20 steps");
  const log = readFileSync(join(run, "log.jsonl"), "utf8");
  const [line] = log.split("\n");
  const spoil = (draw: Random): Uint8Array => (draw() < 0.5 ? mutated([Buffer.from(log)], draw) : Buffer.from(`${mutatedJson(line!, draw)}\n${log}`));
  figure(`page, logs: ${await give(page, places.log, times({ short: 100, long: 5000 }), spoil)}`);
});

test("spoilt pictures are read or refused", async ({ page }) => {
  await page.goto("/#start=picture");
  const encoded = await page.evaluate(async () => {
    const canvas = new OffscreenCanvas(40, 30);
    canvas.getContext("2d")!.fillRect(5, 5, 20, 10);
    const types = ["image/png", "image/jpeg", "image/webp"];
    const blobs = await Promise.all(types.map((type) => canvas.convertToBlob({ type })));
    return Promise.all(blobs.map(async (blob) => [...new Uint8Array(await blob.arrayBuffer())]));
  });
  const files = encoded.map((bytes) => Uint8Array.from(bytes));
  figure(`page, pictures: ${await give(page, places.picture, times({ short: 100, long: 5000 }), (draw) => mutated(files, draw))}`);
});

test("a picture that claims more pixels than a page can hold is refused before it is decoded", async ({ page }) => {
  await page.goto("/#start=picture");
  const gif = Buffer.from("R0lGODdhECcQJ4AAAAAAAP///ywAAAAAAQABAAACAkQBADs=", "base64"); // 10,000 × 10,000 pixels, of which one is there
  const [text] = await said(page, places.picture, [gif]);
  expect(text).toContain("Expected a picture of at most 67108864 pixels but found 10000 × 10000");
});

test("what names and lines of files say is shown as text, whatever they hold", async ({ page }) => {
  const markup = `<img src=x onerror="document.title='owned'">`;
  await page.goto("/#tab=inspect");
  await page.setInputFiles("#file", { name: `${markup}.safetensors`, mimeType: "", buffer: Buffer.from(markup) });
  await expect(page.locator("#model")).toContainText(`${markup}.safetensors: Expected`);
  await page.setInputFiles("#log", { name: `${markup}.jsonl`, mimeType: "", buffer: Buffer.from(`${markup}\n`) });
  await expect(page.locator("#log-message")).toContainText(`found ${markup}`);
  expect(await page.locator("img").count()).toBe(0);
  await expect(page).toHaveTitle("ddpm playground");
});

plain("no code runs that stands in a text or comes from elsewhere, by the page's own policy too", async ({ page }) => {
  const home = "http://localhost:5180/";
  await page.goto(home);
  const policy = await page.locator("meta[http-equiv=Content-Security-Policy]").getAttribute("content");
  expect(policy).toContain("default-src 'none'; script-src 'self' 'wasm-unsafe-eval'");
  const body = await (await page.request.get(home)).text();
  await page.route(home, (route) => route.fulfill({ body, contentType: "text/html" })); // as a host that sets no header
  await page.goto(home);
  const blocked = await page.evaluate(async () => {
    const violation = new Promise<string>((resolve) =>
      document.addEventListener("securitypolicyviolation", ({ effectiveDirective }) => resolve(effectiveDirective)),
    );
    document.body.setAttribute("onclick", "document.title = 'owned'");
    document.body.click();
    return violation;
  });
  expect(blocked).toBe("script-src-attr");
  await expect(page).toHaveTitle("ddpm playground");
});

/** What forms do not expect of an address: values, and names besides those of their controls. */
const values = [
  "",
  "-1",
  "1e309",
  "NaN",
  "64",
  "65",
  "9".repeat(400),
  "<b>",
  "__proto__",
  "\u0000",
  "part",
  "all",
  "webgl",
  "own",
  "train",
  "constructor",
];
const names = ["tab", "length", "elements", "submit", "__proto__", "%"];

test("links with whatever settings leave a page that works", async ({ page, run }) => {
  await open(page, run);
  const controls = await page.locator("form [name]").evaluateAll((controls) => controls.map((control) => control.getAttribute("name")!));
  const all = [...new Set([...names, ...controls])];
  const tries = times({ short: 150, long: 5000 });
  for (let i = 0; i < tries; i++) {
    const draw = random(seed, i);
    const one = (of: readonly string[]): string => of[Math.floor(draw() * of.length)]!;
    const settings = Array.from({ length: 1 + Math.floor(draw() * 6) }, () => [one(all), one(values)]);
    const hash = draw() < 0.1 ? `%E0%A4%A${i}&&==` : new URLSearchParams(settings).toString();
    await page.evaluate(async (hash) => {
      location.hash = hash;
      await new Promise(requestAnimationFrame);
    }, hash);
  }
  figure(`page, links: ${tries} with settings that are none, without a fault`);
  await page.goto("about:blank"); // what stays in the form may be impossible, which the browser says at its control
  await open(page, run, "#tab=draw&steps=2&count=1&device=wasm");
  await draw(page, 2);
});
