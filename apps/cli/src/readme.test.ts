import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { test } from "node:test";

test("README's program trains and samples", () => {
  const program = readFileSync(new URL("../../../README.md", import.meta.url), "utf8").match(/```ts\n([\s\S]*?)```/)![1]!;
  const file = new URL("./readme-program.mts", import.meta.url).pathname;
  writeFileSync(file, program);
  try {
    const lines = execFileSync(process.execPath, ["--import", "tsx", file], { encoding: "utf8" }).trim().split("\n");
    assert.equal(lines.length, 4);
    assert.equal(lines[3], `${4 * 16 * 16}`);
  } finally {
    rmSync(file);
  }
});
