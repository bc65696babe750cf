import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { writeAtomically } from "./files.ts";

const root = await mkdtemp(join(tmpdir(), "ddpm-files-"));
after(() => rm(root, { recursive: true }));

test("writeAtomically() replaces a file and leaves no other", async () => {
  const folder = await mkdtemp(join(root, "a-"));
  await writeAtomically(join(folder, "x"), "old");
  await writeAtomically(join(folder, "x"), Uint8Array.of(1, 2, 3));
  assert.deepEqual([...(await readFile(join(folder, "x")))], [1, 2, 3]);
  assert.deepEqual(await readdir(folder), ["x"]);
});

test("writeAtomically() names the path it cannot write, in one line, and leaves nothing", async () => {
  const folder = await mkdtemp(join(root, "b-"));
  await writeFile(join(folder, "file"), "");
  await mkdir(join(folder, "taken"));
  for (const [path, reason] of [
    ["absent/x", "ENOENT"],
    ["file/x", "ENOTDIR"],
    ["taken", "EISDIR"],
  ] as const) {
    const expected = new RegExp(
      `^Expected to write all of .*${path} but found ${reason}: [^\\n]*; choose a folder that exists and that you may write to$`,
    );
    await assert.rejects(writeAtomically(join(folder, path), "x"), { message: expected });
  }
  assert.deepEqual((await readdir(folder)).toSorted(), ["file", "taken"]);
});
