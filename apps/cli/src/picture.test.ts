import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { decode } from "fast-png";
import { grid, writePng } from "./picture.ts";

test("grid() clamps and rounds, and never wraps", () => {
  const values = Float32Array.of(-1, 1, 0, -1.2, 1.2, 100, -Infinity, Infinity);
  assert.deepEqual([...grid(values, 1, 2, 4, 1, { scale: 1 }).data], [0, 255, 128, 0, 255, 255, 0, 255]);
});

test("grid() lays images out in rows with a gap, each pixel scaled", () => {
  const { width, height, data } = grid(Float32Array.of(-1, 1, -1), 3, 1, 1, 1, { columns: 2, scale: 2, gap: 1 });
  assert.deepEqual([width, height], [5, 5]);
  const rows = Array.from({ length: 5 }, (_, y) => [...data.subarray(y * 5, y * 5 + 5)].map((x) => (x ? "#" : ".")).join(""));
  assert.deepEqual(rows, ["..###", "..###", "#####", "..###", "..###"]);
});

test("grid() draws small images large enough to see", () => {
  assert.equal(grid(new Float32Array(28 * 28), 1, 28, 28, 1).width, 84);
  assert.equal(grid(new Float32Array(64 * 64), 1, 64, 64, 1).width, 64);
});

test("grid() refuses what no picture can show", () => {
  assert.throws(() => grid(new Float32Array(2), 1, 1, 1, 2), {
    name: "RangeError",
    message: /Expected images of 1 or 3 channels to draw but found 2; write \.safetensors instead/,
  });
  assert.throws(() => grid(new Float32Array(3), 1, 2, 2, 1), { name: "RangeError", message: "Cannot draw 3 numbers as 1 images of [2, 2, 1]" });
  assert.throws(() => grid(new Float32Array(), 0, 2, 2, 1), RangeError);
});

for (const channels of [1, 3] as const) {
  test(`a PNG of ${channels} channels reads back as drawn`, async () => {
    const folder = await mkdtemp(join(tmpdir(), "ddpm-picture-"));
    const picture = grid(Float32Array.from({ length: 4 * 9 * channels }, Math.sin), 4, 3, 3, channels);
    await writePng(join(folder, "grid.png"), picture);
    const { width, height, channels: found, depth, data } = decode(await readFile(join(folder, "grid.png")));
    assert.deepEqual({ width, height, channels: found, depth }, { width: picture.width, height: picture.height, channels, depth: 8 });
    assert.deepEqual([...data], [...picture.data]);
    await rm(folder, { recursive: true });
  });
}
