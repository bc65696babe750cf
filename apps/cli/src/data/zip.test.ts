import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { archive, plain } from "../../test/images.ts";
import { BrokenImages } from "./broken.ts";
import { openDataset } from "./index.ts";

const png = (value: number) => plain(8, 8, value).png().toBuffer();

for (const compress of [true, false]) {
  test(`a zip archive of ${compress ? "deflated" : "stored"} images reads as a folder does`, async () => {
    const files = {
      "pets/dog/2.png": await png(3),
      "pets/cat/1.png": await png(1),
      "__MACOSX/pets/cat/._1.png": Buffer.of(0),
      "pets/read.me": Buffer.of(1),
    };
    const data = await openDataset(await archive(files, compress));
    assert.deepEqual([data.count, data.height, data.width, data.channels, data.classes], [2, 8, 8, 1, ["cat", "dog"]]);
    const read = await Promise.all([1, 0, 1, 0].map(async (i) => [(await data.pixels(i, 0))[63], data.label!(i)]));
    assert.deepEqual(read, [
      [3, 1],
      [1, 0],
      [3, 1],
      [1, 0],
    ]); // prettier
  });
}

test("archives that are damaged or hold no images are SyntaxErrors that name them", async () => {
  const none = await archive({ "a.txt": Buffer.of(1) }, true);
  await assert.rejects(openDataset(none), {
    name: "SyntaxError",
    message: /images\.zip: Expected a zip archive of images but found none; choose another, or make it anew$/,
  });
  const path = await archive({ "a.png": await png(1) }, true);
  await writeFile(path, (await readFile(path)).subarray(0, -30));
  await assert.rejects(openDataset(path), { name: "SyntaxError", message: /images\.zip: Expected a zip archive of images but found / });
});

test("a file compressed in another way is broken", async () => {
  const path = await archive({ "a.png": await png(1), "b.png": await png(2) }, true);
  const bytes = await readFile(path);
  const entry = bytes.lastIndexOf("PK\x01\x02", bytes.length, "latin1");
  bytes.writeUInt16LE(12, entry + 10); // bzip2
  await writeFile(path, bytes);
  const broken = new BrokenImages();
  assert.equal((await (await openDataset(path, { broken })).pixels(1, 0))[0], 1);
  assert.match(`${broken}`, /b\.png \(compression method 12, where only stored and deflated files can be read\)/);
});

test("a damaged image in an archive is replaced and named", async () => {
  const path = await archive({ "a.png": await png(1), "b.png": Buffer.from("no image"), "c.png": await png(3) }, true);
  const data = await openDataset(path);
  assert.equal((await data.pixels(1, 0))[0], 3);
});
