import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import sharp from "sharp";

const main = new URL("./main.ts", import.meta.url).pathname;
const run = (...args: string[]) =>
  new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
    execFile(process.execPath, ["--import", "tsx", main, ...args], (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    );
  });

test("the program trains, restores by both rules and draws a picture", async () => {
  const folder = await mkdtemp(join(tmpdir(), "cold-"));
  try {
    const { code, stdout, stderr } = await run("--degradation", "snow", "--steps", "2", "--out", folder);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /step 2\/2 {2}loss 0\.\d+/);
    assert.match(stdout, /degraded: mean error .*\nin one step: mean error .*\nnaive rule: mean error .*\nimproved rule: mean error /);
    const { width, height } = await sharp(join(folder, "snow.png")).metadata();
    assert.deepEqual([width, height], [680, 344]);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("the program says which degradations there are", async () => {
  const { code, stderr } = await run("--degradation", "rain");
  assert.equal(code, 1);
  assert.match(stderr, /blur, pixelate, mask, snow/);
});
