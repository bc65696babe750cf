import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { folderOf } from "../../test/images.ts";
import { openDataset, openTests } from "./index.ts";

/** A record whose planes are of one value each. */
const record = (label: number, ...colour: number[]) => Buffer.concat([Buffer.of(label), ...colour.map((value) => Buffer.alloc(1024, value))]);

const files = {
  "data_batch_1.bin": Buffer.concat([record(3, 1, 2, 3), record(0, 4, 5, 6)]),
  "data_batch_2.bin": record(1, 7, 8, 9),
  "test_batch.bin": record(9, 0, 0, 0),
};

test("CIFAR-10's batches become interleaved images with the classes of batches.meta.txt", async () => {
  const data = await openDataset(await folderOf({ ...files, "batches.meta.txt": "airplane\nautomobile\nbird\ncat\n\n" }));
  assert.deepEqual([data.count, data.height, data.width, data.channels], [3, 32, 32, 3]);
  assert.deepEqual(
    [0, 1, 2].map((i) => data.classes![data.label!(i)]),
    ["cat", "airplane", "automobile"],
  );
  assert.deepEqual([...(await data.pixels(2, 0))].slice(-6), [7, 8, 9, 7, 8, 9]);
});

test("images for tests are those of test_batch.bin, or test.bin", async () => {
  const { tests: data, heldOut } = await openTests(await folderOf(files));
  assert.deepEqual([data.count, data.label!(0), heldOut], [1, 9, true]);
  const hundred = Buffer.concat([Buffer.of(7), record(2, 1, 2, 3)]);
  const tests = Buffer.concat([hundred, hundred]);
  assert.equal((await openTests(await folderOf({ "train.bin": hundred, "test.bin": tests }))).tests.count, 2);
});

test("a batch alone has numbers for classes, and is resized and made grey when asked", async () => {
  const data = await openDataset(join(await folderOf(files), "data_batch_1.bin"), { height: 16, width: 16, channels: 1 });
  assert.deepEqual(data.classes, ["0", "1", "2", "3"]);
  const pixels = await data.pixels(0, 0);
  assert.deepEqual([pixels.length, pixels[0], pixels[255]], [256, 2, 2]);
});

test("truncated batches and labels beyond the classes are refused", async () => {
  const short = await folderOf({ "data_batch_1.bin": record(0, 1, 2, 3).subarray(1) });
  await assert.rejects(openDataset(short), {
    name: "SyntaxError",
    message: /data_batch_1\.bin: Expected records of 3073 \(CIFAR-10\) or 3074 \(CIFAR-100\) bytes but found 3072 bytes/,
  });
  const beyond = await folderOf({ "data_batch_1.bin": record(5, 1, 2, 3), "batches.meta.txt": "airplane\n" });
  await assert.rejects(openDataset(beyond), { name: "SyntaxError", message: /Expected labels below 1, the number of classes, but found 5/ });
});

test("CIFAR-100 has its fine labels, and Python's pickles are told from binary batches", async () => {
  const hundred = Buffer.concat([Buffer.of(7), record(2, 1, 2, 3), Buffer.of(5), record(0, 4, 5, 6)]);
  const data = await openDataset(await folderOf({ "train.bin": hundred, "test.bin": hundred, "fine_label_names.txt": "apple\nbaby\nbear\n" }));
  assert.deepEqual([data.count, data.classes, data.label!(0), data.label!(1)], [2, ["apple", "baby", "bear"], 2, 0]);
  assert.deepEqual([...(await data.pixels(1, 0))].slice(-3), [4, 5, 6]);
  const pickled = await folderOf({ data_batch_1: Buffer.concat([Buffer.of(0x80), record(0, 1, 2, 3)]) });
  await assert.rejects(openDataset(pickled), { name: "SyntaxError", message: /data_batch_1: Expected a binary batch but found a Python pickle/ });
});
