// The built page on any static host, below a path of its own, without headers of ours
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { expect } from "@playwright/test";
import sirv from "sirv";
import { draw, loudTest, test } from "./playground.ts";

const dist = new URL("../../apps/playground/dist", import.meta.url).pathname;
let server: Server;
let home: string;

test.beforeAll(async ({ run }) => {
  const [page, files] = [sirv(dist, { dev: true }), sirv(run, { dev: true })];
  server = createServer((request, response) => {
    const [, top, ...rest] = request.url!.split("/");
    request.url = `/${rest.join("/")}`;
    const answer = { lab: page, runs: files }[top!];
    if (answer) answer(request, response, () => void response.writeHead(404).end());
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  home = `http://localhost:${(server.address() as AddressInfo).port}`;
});
test.afterAll(() => server.close().closeAllConnections());

test("below a path, with a checkpoint of the same host, it draws on WebGL and on wasm", async ({ page }) => {
  for (const device of ["webgl", "wasm"]) {
    await page.goto("about:blank");
    await page.goto(`${home}/lab/?checkpoint=../runs/model.safetensors#steps=2&count=1&device=${device}`);
    await expect(page.locator("#model")).toContainText("16×16×1 pictures, trained for 20 steps");
    await draw(page, 2);
    await expect(page.locator("#device")).toContainText(`On ${device}`);
  }
});

test("a checkpoint of another site comes by https where that allows it", async ({ page, run }) => {
  const body = readFileSync(join(run, "model.safetensors"));
  await page.route("https://models.example/model.safetensors", (route) => route.fulfill({ body, headers: { "access-control-allow-origin": "*" } }));
  await page.goto(`${home}/lab/?checkpoint=https://models.example/model.safetensors`);
  await expect(page.locator("#model")).toContainText("trained for 20 steps");
});

loudTest("a checkpoint of another site that comes by plain http is refused, and said to be", async ({ page, baseURL }) => {
  await page.goto(`${home}/lab/?checkpoint=${baseURL}/models/shapes.safetensors`);
  await expect(page.locator("#model")).toContainText(
    "Expected an answer from its server but found none (Failed to fetch); check the address; a server of another site must be reached by https and allow it (CORS)",
  );
});
