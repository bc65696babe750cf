import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { openCusolver } from "./c-api.ts";

const root = mkdtempSync(join(tmpdir(), "ddpm-"));
after(() => rmSync(root, { recursive: true, force: true }));
const maps = (): string => readFileSync("/proc/self/maps", "utf8");

test("cuSOLVER beside TensorFlow, which its run path does not name, is opened", () => {
  const path = join(root, "nvidia", "cusolver", "lib", "libcusolver.so.11");
  mkdirSync(dirname(path), { recursive: true });
  copyFileSync(/\/\S+koffi\S*\.node/.exec(maps())![0], path); // any library will do
  openCusolver(join(root, "tensorflow"));
  assert.ok(maps().includes(path));
});
