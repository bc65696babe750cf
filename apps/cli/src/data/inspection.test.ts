import assert from "node:assert/strict";
import { test } from "node:test";
import { folderOf, plain } from "../../test/images.ts";
import { BrokenImages } from "./broken.ts";
import { gallery } from "./gallery.ts";
import { openDataset, openSource } from "./index.ts";
import { inspectSource } from "./inspection.ts";
import { describe, reportOf } from "./report.ts";
import { wishOf } from "./size.ts";

const png = (colour: number | readonly number[], height = 8, width = 8) => plain(height, width, colour).png().toBuffer();

const pets = async () =>
  folderOf({
    "train/cat/1.png": await png([255, 0, 0, 128], 30, 40),
    "train/cat/2.png": "no image",
    "train/dog/1.png": await png(10, 30, 40),
    "train/dog/2.jpg": await plain(9, 16, [50, 50, 50]).jpeg().toBuffer(),
    "test/dog/1.png": await png(1),
  });

test("inspectSource() counts what headers say and names what cannot be decoded", async () => {
  const source = await openSource(await pets());
  const looked: number[] = [];
  const found = await inspectSource(source, { progress: (n) => looked.push(n) });
  const report = reportOf(source, found, wishOf({}));
  assert.deepEqual([report.count, report.looked, report.leftOut], [4, 4, "1 of 5 images, not for training"]);
  assert.deepEqual(looked, [1, 2, 3, 4]);
  assert.deepEqual(report.formats, { png: 2, jpeg: 1 });
  assert.deepEqual([report.colour, report.grey, report.alpha, report.onlyLooksColoured], [2, 1, 1, false]);
  assert.deepEqual(report.sizes, [
    { height: 30, width: 40, count: 2 },
    { height: 9, width: 16, count: 1 },
  ]);
  assert.deepEqual(report.classes, [
    { name: "cat", count: 2, broken: 1 },
    { name: "dog", count: 2, broken: 0 },
  ]);
  assert.equal(report.broken.length, 1);
  assert.match(report.broken[0]!, /train.cat.2\.png \(Input buffer contains unsupported image format\)$/);
  const text = describe(report);
  for (const line of [
    /broken {4}1, which training leaves out \(or ends at, with --strict\):\n {12}\S+2\.png/,
    /colour {4}colour \(2\), grey \(1\); 1 with an alpha channel: what it leaves transparent becomes black\n/,
    /classes {3}2: cat \(2, 1 broken\), dog \(2\)\n/,
    /sizes {5}height × width: 30×40 \(2\), 9×16 \(1\); smallest 9×16, largest 30×40/,
    /training {2}needs a size, since images differ: add --data\.height 28 --data\.width 28, or others/,
    /allowed {3}heights and widths divisible by 4, for the 3 levels of --model\.dimMults 1,2,4/,
  ])
    assert.match(text, line);
  await assert.rejects(inspectSource(source, { broken: new BrokenImages({ strict: true }) }), {
    name: "SyntaxError",
    message: /cat.2\.png but found/,
  });
});

test("a report names the classes of which no image can be read", async () => {
  const source = await openSource(await folderOf({ "x/1.png": "no image", "y/1.png": await png(1), "y/2.png": await png(2) }));
  const text = describe(reportOf(source, await inspectSource(source), wishOf({})));
  assert.match(text, /classes {3}2: x \(1, 1 broken\), y \(2\); no image of x can be read, which ends training with --conditional\n/);
});

test("a report says why there are no classes, and training on them does", async () => {
  const folder = await folderOf({ "cat/1.png": await png(1), "dog/1.png": await png(2), "root.png": await png(3) });
  const source = await openSource(folder);
  const reason = "1 of 3 images (root.png) is in no sub-folder; move it and there are 2 classes";
  assert.ok(describe(reportOf(source, await inspectSource(source), wishOf({}))).includes(`classes   none: ${reason}\n`));
  const message = `Expected classes in ${folder} for --conditional but found none; ${reason}`;
  await assert.rejects(openDataset(folder, { conditional: true }), { name: "TypeError", message });
});

test("shapes have their classes", async () => {
  const source = await openSource("shapes");
  const { classes } = reportOf(source, await inspectSource(source), wishOf({}));
  assert.deepEqual(
    classes?.map(({ name }) => name),
    ["disc", "square", "triangle", "ring", "cross"],
  );
});

test("a report says what training takes: as it is, rounded down, or as asked for", async () => {
  const of = async (height: number, width: number, flags: Parameters<typeof wishOf>[0]) => {
    const source = await openSource(await folderOf({ "a.png": await png([9, 9, 9], height, width) }));
    return describe(reportOf(source, await inspectSource(source), wishOf(flags))).match(/training.*/)![0];
  };
  assert.match(await of(16, 24, {}), /takes them as they are, 16×24×3/);
  assert.match(await of(17, 24, {}), /takes 16×24×3, the next size below that is divisible by 4/);
  assert.match(await of(17, 24, { "data.height": 20, "model.channels": 1, "data.crop": "random" }), /takes 20×24×1: .* a random part at each step/);
  assert.match(await of(28, 28, { "model.dimMults": [1, 2, 4, 8] }), /takes 24×24×3, the next size below that is divisible by 8/);
  assert.throws(() => wishOf({ "data.height": 18 }), { message: /data\.height to be divisible by 4, .* such as 16 or 20, but found 18$/ });
});

test("grey images that are stored as colour are told", async () => {
  const source = await openSource(await folderOf({ "a.jpg": await plain(16, 16, [77, 77, 77]).jpeg().toBuffer() }));
  assert.match(describe(reportOf(source, await inspectSource(source), wishOf({}))), /all look grey, so --model\.channels 1 would do/);
});

test("a sample is of the size asked for, spread over all", async () => {
  const source = await openSource("shapes");
  assert.equal((await inspectSource(source, { sample: 7 })).looked, source.count, "in memory: nothing to read");
  const folder = await folderOf(Object.fromEntries(await Promise.all([1, 2, 3, 4, 5, 6].map(async (i) => [`${i}.png`, await png(i, i, i)]))));
  const { looked, census } = await inspectSource(await openSource(folder), { sample: 3 });
  assert.deepEqual([looked, census.sizes.map(({ height }) => height)], [3, [1, 3, 5]]);
});

test("gallery() has a row for each class, blank where there are no more good images", async () => {
  const files = { "a/1.png": await png(0), "a/2.png": "broken", "b/1.png": await png(60), "b/2.png": await png(60) };
  const source = await openSource(await folderOf(files));
  const { broken } = await inspectSource(source);
  const { width, height, data, channels } = await gallery(source, { size: { height: 8, width: 8, channels: 1 }, crop: "centre", broken });
  assert.deepEqual([width, height, channels], [10 * 66 - 2, 2 * 66 - 2, 1]);
  const at = (row: number, column: number) => data[(row * 66 + 30) * width + column * 66 + 30];
  assert.deepEqual([at(0, 0), at(0, 1), at(1, 0), at(1, 1), at(1, 2), at(1, 9)], [0, 255, 60, 60, 255, 255]);
});
