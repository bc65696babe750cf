import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { folderOf } from "../../test/images.ts";
import { decodeIdx } from "./idx.ts";
import { openDataset } from "./index.ts";

/** An idx file of bytes. */
function encode(shape: readonly number[], data: Uint8Array): Uint8Array {
  const header = Buffer.alloc(4 + 4 * shape.length);
  header.set([0, 0, 8, shape.length]);
  for (const [i, x] of shape.entries()) header.writeUInt32BE(x, 4 + 4 * i);
  return Uint8Array.from(Buffer.concat([header, data]));
}

const cube = encode(
  [2, 2, 3],
  Uint8Array.from({ length: 12 }, (_, i) => i),
);
const refuses = (bytes: Uint8Array, message: RegExp) => assert.throws(() => decodeIdx(bytes), { name: "SyntaxError", message });

test("decodeIdx() reads shape and bytes, also inside a larger buffer", () => {
  const larger = new Uint8Array(cube.length + 7);
  larger.set(cube, 7);
  for (const bytes of [cube, larger.subarray(7)]) {
    const { shape, data } = decodeIdx(bytes);
    assert.deepEqual(shape, [2, 2, 3]);
    assert.deepEqual([...data], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  }
});

test("decodeIdx() names what it expected and found", () => {
  refuses(new Uint8Array(), /starts with 0 0 8 and the number of axes, but found nothing; choose such a file$/);
  refuses(Uint8Array.of(0x1f, 0x8b, 8, 8, 0), /but found 31 139 8 8; choose such a file$/);
  refuses(encode([1], Uint8Array.of(1)).with(2, 0x0d), /but found 0 0 13 1; choose such a file$/);
  refuses(cube.subarray(0, 9), /header of 16 bytes but found 9 bytes: the file is truncated; fetch it again$/);
  refuses(cube.subarray(0, -1), /^Expected 12 bytes for an idx of \[2, 2, 3\] but found 11: the file is truncated; fetch it again$/);
  refuses(Uint8Array.of(...cube, 0), /^Expected 12 bytes .* but found 13: the file is too long; fetch it again$/);
  refuses(encode([0xffffffff, 0xffffffff, 0xffffffff], new Uint8Array(4)), /but found 4: the file is truncated; fetch it again$/);
});

test("decodeIdx() gives back what was written", () => {
  const arrays = fc
    .array(fc.integer({ min: 0, max: 6 }), { minLength: 1, maxLength: 4 })
    .chain((shape) =>
      fc.tuple(fc.constant(shape), fc.uint8Array({ minLength: shape.reduce((a, b) => a * b, 1), maxLength: shape.reduce((a, b) => a * b, 1) })),
    );
  fc.assert(fc.property(arrays, ([shape, data]) => assert.deepEqual(decodeIdx(encode(shape, data)), { shape, data })));
});

test("decodeIdx() throws nothing but one-line SyntaxErrors, whatever the bytes", () => {
  const random = fc.uint8Array({ maxLength: 64 });
  const almost = fc.tuple(fc.integer({ min: 0, max: 255 }), random).map(([axes, rest]) => Uint8Array.of(0, 0, 8, axes, ...rest));
  const damaged = fc.tuple(fc.nat(cube.length - 1), fc.nat(255)).map(([at, value]) => cube.with(at, value));
  fc.assert(
    fc.property(fc.oneof(random, almost, damaged), (bytes) => {
      try {
        const { shape, data } = decodeIdx(bytes);
        assert.equal(
          shape.reduce((a, b) => a * b, 1),
          data.length,
        );
      } catch (error) {
        assert.ok(error instanceof SyntaxError && !error.message.includes("\n"), String(error));
      }
    }),
    { numRuns: 2000 },
  );
});

test("idx files have any name, labels the same with labels for images, and folders may be called as the file in them", async () => {
  const [images, labels] = [encode([2, 1, 2], Uint8Array.of(1, 2, 3, 4)), encode([2], Uint8Array.of(1, 0))];
  const named = async (files: Record<string, Uint8Array>, path = "") => {
    const { count, classes, label, pixels } = await openDataset(join(await folderOf(files), path));
    return [count, [...(await pixels(1, 0))], classes && [label!(0), label!(1)]];
  };
  const kaggle = { "train-images-idx3-ubyte/train-images-idx3-ubyte": images, "train-labels-idx1-ubyte/train-labels-idx1-ubyte": labels };
  assert.deepEqual(await named(kaggle), [2, [3, 4], [1, 0]]);
  assert.deepEqual(await named({ "emnist-letters-train-images-idx3-ubyte.gz": gzipSync(images), "emnist-letters-train-labels-idx1-ubyte": labels }), [
    2,
    [3, 4],
    [1, 0],
  ]);
  assert.deepEqual(await named({ "my-images.idx": images, "my-labels.idx": labels }), [2, [3, 4], [1, 0]]);
  assert.deepEqual(await named({ digits: images, "digits.txt": labels }, "digits"), [2, [3, 4], undefined]);
  await assert.rejects(named({ "a-images-idx3-ubyte": images, "b-images-idx3-ubyte": images }), {
    name: "SyntaxError",
    message: /Expected one idx file of images in .* but found a-images-idx3-ubyte and b-images-idx3-ubyte; give the path of one$/,
  });
});
