// What @ddpm/backend-web's README shows, as a page runs it
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { expect, test } from "@playwright/test";

const readme = new URL("../../packages/backend-web/README.md", import.meta.url);
const program = new URL("../src/readme-program.js", import.meta.url);

test("the README's program draws on WebGL", async ({ page }) => {
  writeFileSync(program, readFileSync(readme, "utf8").match(/```js\n([\s\S]*?)```/)![1]!);
  try {
    const line = page.waitForEvent("console", { predicate: (message) => message.text().startsWith("Drew"), timeout: 60_000 });
    await page.goto("/");
    await page.addScriptTag({ url: "/src/readme-program.js", type: "module" });
    expect((await line).text()).toMatch(/^Drew 2 images on WebGL2 in (float32|half floats)$/);
  } finally {
    rmSync(program);
  }
});
