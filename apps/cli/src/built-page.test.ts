import assert from "node:assert/strict";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { builtPage } from "./built-page.ts";

const folder = mkdtempSync(join(tmpdir(), "ddpm-"));
after(() => rmSync(folder, { recursive: true, force: true }));

test("sources of the page that do not build are told in one line", async () => {
  symlinkSync(new URL("../../playground/node_modules", import.meta.url).pathname, join(folder, "node_modules"));
  writeFileSync(join(folder, "vite.config.ts"), "export default {};");
  writeFileSync(join(folder, "index.html"), '<script type="module" src="./main.ts"></script>');
  writeFileSync(join(folder, "main.ts"), "const no code");
  await assert.rejects(builtPage(folder), /^Error: Expected the page in .* to build but found .*error.*; mend it, or fetch the sources anew$/i);
});

test("a page without sources is taken as it was built", async () => {
  rmSync(join(folder, "vite.config.ts"));
  assert.equal(await builtPage(folder), join(folder, "dist"));
});
