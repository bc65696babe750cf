import assert from "node:assert/strict";
import { test } from "node:test";
import { packImage, packMatrices, packRows, unpackImage } from "./layout.ts";

test("an image lies four channels to a texel and four pixels to the layers, with zeros around, and is read back", () => {
  const shape = [2, 2, 5, 3];
  const values = Float32Array.from({ length: 60 }, (_, i) => i + 1);
  const packed = packImage(shape)(values);
  assert.equal(packed.length, 4 * 4 * 2 * 4); // layers, rows of the batch, groups of pixels, channels of a texel
  const texel = (layer: number, row: number, group: number): number[] => [...packed.slice(((layer * 4 + row) * 2 + group) * 4).slice(0, 4)];
  assert.deepEqual(texel(0, 0, 0), [1, 2, 3, 0]);
  assert.deepEqual(texel(1, 0, 0), [4, 5, 6, 0]);
  assert.deepEqual(texel(0, 0, 1), [13, 14, 15, 0]); // the fifth pixel
  assert.deepEqual(texel(1, 0, 1), [0, 0, 0, 0]); // beyond the row
  assert.deepEqual(texel(0, 3, 0), [46, 47, 48, 0]); // second row of the second sample
  assert.deepEqual(unpackImage(shape)(packed), values);
});

test("rows begin a texel each", () => {
  assert.deepEqual([...packRows(3)([1, 2, 3, 4, 5, 6])], [1, 2, 3, 0, 4, 5, 6, 0]);
});

test("a matrix has the four outputs of an input in one texel, and each image's inputs begin a texel", () => {
  const packed = packMatrices([1, 2], 5)(Float32Array.from({ length: 15 }, (_, i) => i + 1)); // input i takes 5i + 1 to 5i + 5
  const texel = (row: number, column: number): number[] => [...packed.slice((row * 8 + column) * 4).slice(0, 4)];
  assert.equal(packed.length, 2 * 8 * 4);
  assert.deepEqual(texel(0, 0), [1, 2, 3, 4]);
  assert.deepEqual(texel(0, 4), [5, 0, 0, 0]);
  assert.deepEqual(texel(0, 1), [0, 0, 0, 0]); // the first image has one channel
  assert.deepEqual(texel(1, 0), [6, 7, 8, 9]);
  assert.deepEqual(texel(1, 1), [11, 12, 13, 14]);
});
