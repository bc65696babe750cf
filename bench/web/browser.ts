import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { chromium } from "playwright-core";
import type { Ask, Bench, Entry, Facts, Pass } from "./page/main.ts";

/** As in the end-to-end tests, and without shaders that an earlier round has compiled. */
const args = ["--enable-unsafe-swiftshader", "--disable-gpu-shader-disk-cache"];

/** What the page gives Node. */
declare const bench: Bench;

/** The page of a contender in a browser of its own. */
export interface Tab extends AsyncDisposable {
  readonly version: string;
  facts(): Promise<Facts>;
  pass(ask: Ask): Promise<Pass>;
}

/** Starts a browser with a new profile and brings a contender's code and weights into its memory. */
export async function openTab(executablePath: string, url: string, entry?: Entry): Promise<Tab> {
  const browser = await chromium.launch({ executablePath, args });
  try {
    const page = await browser.newPage();
    await page.goto(url);
    await page.waitForFunction(() => "bench" in globalThis);
    if (entry) await page.evaluate((entry) => bench.prepare(entry), entry);
    return {
      version: browser.version(),
      facts: () => page.evaluate(() => bench.facts()),
      pass: (ask) => page.evaluate((ask) => bench.pass(ask), ask),
      [Symbol.asyncDispose]: () => browser.close(),
    };
  } catch (error) {
    await browser.close();
    throw error;
  }
}

/** Where Chromium is: as the environment says, Playwright's own or the system's. Throws an Error that tells how to get one. */
export function findChromium(asked = process.env["DDPM_CHROMIUM"]): string {
  const names = ["chromium", "chromium-browser", "google-chrome"];
  const system = (process.env["PATH"] ?? "").split(delimiter).flatMap((folder) => names.map((name) => join(folder, name)));
  const found = asked ? asked : [chromium.executablePath(), ...system].find((path) => existsSync(path));
  if (found && existsSync(found)) return found;
  throw new Error("Expected a Chromium but found none: install one, or name it with DDPM_CHROMIUM");
}
