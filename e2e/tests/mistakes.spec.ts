// What the page says of mistakes, and of a browser or a network that refuses something
import { type Config, configure, encodeModel, parametersFrom, presets, trainingStep } from "@ddpm/core";
import { expect } from "@playwright/test";
import { draw, drop, loudTest, open, test } from "./playground.ts";

/** The checkpoint of a tiny model, as it begins. */
function untrained(changes: Partial<Config>): Buffer {
  const config = configure(presets.tiny, changes);
  const { scope } = trainingStep(config);
  return Buffer.from(encodeModel(parametersFrom(scope, scope.initialValues(0)), { config, step: 1 }));
}

loudTest("an address that has no checkpoint, or cannot be reached, is told", async ({ page }) => {
  await page.goto("/?checkpoint=none.safetensors");
  await expect(page.locator("#model")).toHaveText(
    "none.safetensors: Expected a checkpoint but found status 404 as the server's answer; check the address",
  );
  await page.route("**/models/shapes.safetensors", (route) => route.abort());
  await page.getByRole("button", { name: "Try shapes" }).click();
  await expect(page.locator("#model")).toContainText(
    "shapes: Expected an answer from its server but found none (Failed to fetch); check the address",
  );
});

loudTest("code that does not load is told", async ({ page, run }) => {
  await page.route("**/assets/gif-worker-*.js", (route) => route.abort());
  await open(page, run, "#steps=2&count=1");
  await draw(page, 2);
  await page.getByRole("button", { name: "Save GIF" }).click();
  await expect(page.locator("#saved")).toHaveText("Expected the GIF's code to load but found none of it; reload the page");
  await page.route("**/assets/worker-*.js", (route) => route.abort());
  await page.goto("about:blank");
  await page.goto("/");
  await page.getByRole("button", { name: "Try shapes" }).click();
  await expect(page.locator("#model")).toContainText("Expected the model's code to load but found none of it; reload the page");
});

loudTest("a clipboard that is forbidden is told", async ({ page, context }) => {
  await context.grantPermissions([]); // and no other
  await page.goto("/");
  await page.getByRole("button", { name: "Copy link" }).click();
  await expect(page.locator("#saved")).toContainText(
    "Expected to write to the clipboard but the browser forbids it; copy the address of this page by hand",
  );
});

loudTest("a browser without WebGL2 draws on wasm unless told, and is told so then", async ({ playwright, run }) => {
  const executablePath = process.env["DDPM_CHROMIUM"];
  await using browser = await playwright.chromium.launch({
    ...(executablePath && { executablePath }),
    args: ["--disable-gpu", "--disable-software-rasterizer"],
  });
  const page = await browser.newPage({ baseURL: "http://localhost:5180" });
  await open(page, run, "#steps=2&count=1");
  await draw(page, 2);
  await expect(page.locator("#device")).toContainText("On wasm: no WebGL2 that computes here");
  await page.locator("#settings [name=device]").selectOption("webgl");
  await page.getByRole("button", { name: "Draw", exact: true }).click();
  await expect(page.locator("#status")).toHaveText(
    "Expected WebGL2 that draws into four float textures at once but this browser has none; choose another device",
  );
  await page.locator("#settings [name=device]").selectOption("tfjs-webgl");
  await page.getByRole("button", { name: "Draw", exact: true }).click();
  await expect(page.locator("#status")).toContainText("Expected this browser to have webgl but it does not start; choose another device");
});

test("more images than a page has room for are refused before a device is opened", async ({ page }) => {
  await page.goto("/#count=64&steps=2");
  await drop(page, { name: "large.safetensors", content: untrained({ "data.height": 2048, "data.width": 2048 }) });
  await page.getByRole("button", { name: "Draw", exact: true }).click();
  await expect(page.locator("#status")).toHaveText("Expected at most 8 images of this size at once but found 64; choose fewer");
});

test("a file that is no picture is told", async ({ page }) => {
  await page.goto("/#start=picture");
  await page.setInputFiles("#start-pictures-file", { name: "a.png", mimeType: "image/png", buffer: Buffer.from("none") });
  await expect(page.locator("#start-pictures-message")).toHaveText(
    "a.png: Expected a picture but found none that this browser can read; choose a PNG, JPEG or WebP file",
  );
});

test("a model of other channels than a picture has is told", async ({ page }) => {
  await page.goto("/#start=picture");
  await drop(page, { name: "two.safetensors", content: untrained({ "model.channels": 2, "data.height": 16, "data.width": 16 }) });
  await expect(page.locator("#start-pictures-message")).toHaveText("Expected channels of shapes to be 1 or 3 but found 2");
  const dot = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg==", "base64");
  await drop(page, { name: "dot.png", type: "image/png", content: dot });
  await expect(page.locator("#start-pictures-message")).toHaveText(
    "Expected a model of 1 or 3 channels for a picture but found one of 2; start from noise",
  );
});
