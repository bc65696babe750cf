import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { copyFile, cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { folders, read } from "./packages.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const copy = await mkdtemp(join(tmpdir(), "ddpm-"));
after(() => rm(copy, { recursive: true }));

/** All that a release changes, and what it takes to change it. */
async function checkout(changelog: string): Promise<void> {
  const own = folders.map((folder) => relative(root, folder));
  const names = [".", ...own, "apps/playground", "torture"].map((folder) => join(folder, "package.json"));
  for (const name of [...names, "pnpm-workspace.yaml", "packages/core/jsr.json", ".changeset/config.json"]) {
    await mkdir(join(copy, dirname(name)), { recursive: true });
    await copyFile(join(root, name), join(copy, name));
  }
  await cp(join(root, "scripts"), join(copy, "scripts"), { recursive: true });
  await symlink(join(root, "node_modules"), join(copy, "node_modules"));
  await writeFile(join(copy, "CHANGELOG.md"), `# Changelog\n\n## Unreleased\n${changelog}`);
}

const version = () =>
  new Promise<{ code: number; stderr: string }>((resolve) => {
    execFile(process.execPath, [join(copy, "scripts/version.mjs")], (error, _, stderr) => resolve({ code: Number(error?.code ?? 0), stderr }));
  });

test("a release moves all packages on together, with JSR's and the changelog's version, and takes the changesets away", async () => {
  await checkout("\n- Something new\n");
  await writeFile(join(copy, ".changeset/new.md"), '---\n"@ddpm/core": minor\n---\n\nSomething new\n');
  const old = JSON.parse(await read(join(copy, "packages/core"), "package.json"))
    .version.split(".")
    .map(Number) as [number, number, number];
  const expected = `${old[0]}.${old[1] + 1}.0`;
  assert.equal((await version()).code, 0);
  for (const folder of folders) assert.equal(JSON.parse(await read(join(copy, relative(root, folder)), "package.json")).version, expected);
  assert.equal(JSON.parse(await read(join(copy, "packages/core"), "jsr.json")).version, expected);
  assert.match(
    await read(copy, "CHANGELOG.md"),
    RegExp(`^# Changelog\n\n## Unreleased\n\n## ${expected} \\(\\d{4}-\\d\\d-\\d\\d\\)\n\n- Something new\n$`),
  );
  assert.deepEqual(await readdir(join(copy, ".changeset")), ["config.json"]);
});

test("a release without a change, or without a word about it, is none", async () => {
  const again = await version();
  assert.match(again.stderr, /version: Expected changesets since [\d.]+ but found none; add one with npx changeset\n$/);
  assert.equal(again.code, 1);
  await writeFile(join(copy, ".changeset/new.md"), '---\n"@ddpm/core": patch\n---\n\nSomething mended\n');
  assert.match((await version()).stderr, /version: Expected lines under Unreleased in CHANGELOG\.md but found none; say there what users get\n$/);
});
