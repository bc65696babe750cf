import assert from "node:assert/strict";
import { test } from "node:test";
import { batch } from "@ddpm/core/training";
import sharp from "sharp";
import { folderOf, plain, ramp } from "../../test/images.ts";
import { BrokenImages } from "./broken.ts";
import { covering, cropped } from "./decode.ts";
import { imagesOf } from "./images.ts";
import { openDataset, openSource, openTests } from "./index.ts";

const png = (colour: number | readonly number[], height = 8, width = 8) => plain(height, width, colour).png().toBuffer();
/** Its pixels as [red, green, blue] or [grey] where all are the same within `tolerance`. */
function one(pixels: Uint8Array, channels: number, tolerance = 0): number[] {
  const colour = [...pixels.subarray(0, channels)];
  for (const [i, x] of pixels.entries()) assert.ok(Math.abs(x - colour[i % channels]!) <= tolerance, `pixel ${i}: ${x}`);
  return colour;
}

test("a folder of PNG, JPEG and WebP, grey, colour, palette and 16 bits becomes bytes of one size", async () => {
  const folder = await folderOf({
    "a.png": await png(200),
    "b.JPG": await plain(40, 30, [200, 100, 50]).jpeg({ quality: 100, chromaSubsampling: "4:4:4" }).toBuffer(),
    "c.webp": await plain(20, 90, [10, 20, 30]).webp({ lossless: true }).toBuffer(),
    "d.png": await plain(8, 8, [10, 20, 30]).png({ palette: true }).toBuffer(),
    "e.png": await plain(8, 8, 100).toColourspace("grey16").png().toBuffer(),
    "f.png": await plain(8, 8, 77).png({ progressive: true }).toBuffer(),
    "notes.txt": "no image",
    ".hidden/g.png": await png(1),
  });
  const data = await openDataset(folder, { height: 12, width: 8 });
  assert.deepEqual([data.count, data.height, data.width, data.channels], [6, 12, 8, 3]);
  const colours = [];
  for (let i = 0; i < 6; i++) colours.push(one(await data.pixels(i, 0), 3, 1));
  assert.deepEqual(colours, [
    [200, 200, 200],
    [200, 100, 50],
    [10, 20, 30],
    [10, 20, 30],
    [100, 100, 100],
    [77, 77, 77],
  ]); // prettier
  await assert.rejects(openDataset(folder), {
    name: "RangeError",
    message: "Expected images of one size but 6 have 8 to 40 × 8 to 90 pixels; add --data.height 8 --data.width 8",
  });
  await assert.rejects(openDataset(folder, { height: 12 }), { message: /8 to 40 × 8 to 90 pixels; add --data.width 12$/ });
  await assert.rejects(openDataset(folder, { height: 17, levels: 2 }), { message: /add --data.width 16$/ });
});

test("channels are the data's unless asked for", async () => {
  const grey = await folderOf({ "a.png": await png(10), "b.jpg": await plain(8, 8, 20).jpeg().toBuffer() });
  const mixed = await folderOf({ "a.png": await png(10), "b.png": await png([255, 0, 0]) });
  assert.equal((await openDataset(grey)).channels, 1);
  assert.equal((await openDataset(grey, { channels: 3 })).channels, 3);
  assert.equal((await openDataset(mixed)).channels, 3);
  const asked = await openDataset(mixed, { channels: 1 });
  assert.deepEqual(one(await asked.pixels(0, 0), 1), [10]);
  const [luma] = one(await asked.pixels(1, 0), 1);
  assert.ok(luma! > 50 && luma! < 130, `${luma}`);
  await assert.rejects(openDataset(grey, { channels: 4 }), {
    name: "RangeError",
    message: "Expected 1 or 3 channels of images but found 4; choose 1 for grey or 3 for colour",
  });
});

test("a size that the levels do not allow becomes the next below, and that is said", async () => {
  const folder = await folderOf({ "a.png": await png(10, 21, 34), "b.png": await png(20, 21, 34) });
  const said: string[] = [];
  const data = await openDataset(folder, { levels: 3, say: (line) => said.push(line) });
  assert.deepEqual([data.height, data.width, one(await data.pixels(1, 0), 1)], [20, 32, [20]]);
  assert.deepEqual(said, ["Taking 20×32 of 21 × 34 pixels, for 3 levels; --data.height and --data.width choose another"]);
  assert.deepEqual((await openDataset(folder, { width: 16, levels: 6, say: () => {} })).height, 32, "the least that six levels allow");
});

test("what is transparent is black", async () => {
  const folder = await folderOf({
    "a.png": await png([255, 255, 255, 0]),
    "b.webp": await plain(8, 8, [255, 255, 255, 128]).webp({ lossless: true }).toBuffer(),
  });
  const data = await openDataset(folder);
  assert.deepEqual(one(await data.pixels(0, 0), 3), [0, 0, 0]);
  assert.deepEqual(one(await data.pixels(1, 0), 3), [128, 128, 128]);
});

test("an image is turned as EXIF says", async () => {
  const turned = await plain(4, 8, [9, 9, 9]).withMetadata({ orientation: 6 }).png().toBuffer();
  const { height, width } = await openDataset(await folderOf({ "a.png": turned }));
  assert.deepEqual([height, width], [8, 4]);
});

test("the short side is resized and the centre cut, or a random part that is a function of seed and step", async () => {
  const folder = await folderOf({ "a.png": await ramp(8, 24, 10) });
  const centre = await openDataset(folder, { height: 8, width: 8 });
  for (const place of [0, 0.9]) assert.deepEqual([...(await centre.pixels(0, place))].slice(0, 8), [80, 90, 100, 110, 120, 130, 140, 150]);
  const random = await openDataset(folder, { height: 8, width: 8, crop: "random" });
  assert.equal((await random.pixels(0, 0))[0], 0);
  assert.equal((await random.pixels(0, 0.999))[0], 160);
  const lefts = async (seed: number) => {
    const batches = await Promise.all(Array.from({ length: 40 }, (_, i) => batch(random, { seed, batch: 1, step: i + 1, flip: false })));
    return batches.map(({ images }) => Math.round((images[0]! + 1) * 12.75));
  };
  assert.deepEqual(await lefts(1), await lefts(1));
  assert.notDeepEqual(await lefts(1), await lefts(2));
  assert.ok(new Set(await lefts(1)).size > 10);
});

test("covering() covers any size with a longer side in one direction at most", async () => {
  for (const [h, w] of [
    [1, 1],
    [3, 1000],
    [997, 13],
    [31, 33],
    [640, 427],
    [28, 29],
  ] as const) {
    for (const [height, width] of [
      [28, 28],
      [16, 48],
      [31, 7],
    ] as const) {
      const size = { height, width, channels: 1 } as const;
      const found = await covering(await png(9, h, w), size);
      assert.ok(found.height >= height && found.width >= width, `${h}×${w} to ${found.height}×${found.width}`);
      assert.ok(found.height === height || found.width === width, `${h}×${w} to ${found.height}×${found.width}`);
      assert.equal(cropped(found, size, 0.99).length, height * width);
    }
  }
});

test("small PNGs decode to their bytes, and damaged ones are refused", async () => {
  const size = { height: 16, width: 12, channels: 3 } as const;
  const data = Uint8Array.from({ length: 16 * 12 * 3 }, (_, i) => (i * i * 31 + i * 7) % 256);
  const noise = (progressive: boolean) => sharp(data, { raw: size }).png({ progressive }).toBuffer();
  for (const progressive of [false, true]) assert.deepEqual(Uint8Array.from((await covering(await noise(progressive), size)).data), data);
  const file = await noise(false);
  await assert.rejects(covering(file.subarray(0, 200), size));
  await assert.rejects(covering(file.fill(7, 60, 90), size));
});

const damaged = async () => ({
  "cat/1.png": (await png(1)).subarray(0, 40),
  "cat/2.png": "no image at all",
  "cat/3.png": await png(3),
  "dog/1.png": await png(11),
  "dog/2.png": (await png(12)).subarray(0, 50),
});

test("a broken image is replaced by the next of its class, counted once and named", async () => {
  const folder = await folderOf(await damaged());
  for (const cache of [0, 1e6]) {
    const broken = new BrokenImages();
    const data = imagesOf(await openSource(folder), { size: { height: 8, width: 8, channels: 1 }, crop: "centre", broken, cache });
    assert.deepEqual(data.classes, ["cat", "dog"]);
    for (let epoch = 0; epoch < 2; epoch++) {
      const values = await Promise.all([0, 1, 2, 3, 4].map(async (i) => [one(await data.pixels(i, 0), 1)[0], data.label!(i)]));
      assert.deepEqual(values, [
        [3, 0],
        [3, 0],
        [3, 0],
        [11, 1],
        [11, 1],
      ]); // prettier
    }
    assert.equal(broken.count, 3);
    for (const name of ["cat/1.png (", "cat/2.png (Input buffer contains unsupported image format)", "dog/2.png ("])
      assert.ok(`${broken}`.includes(name), `${broken}`); // in the order in which decoding ended
  }
});

test("with strict a broken image is an error; without, a class of none but broken ones is", async () => {
  const folder = await folderOf(await damaged());
  const strict = await openDataset(folder, { height: 8, width: 8, broken: new BrokenImages({ strict: true }) });
  await assert.rejects(async () => strict.pixels(1, 0), { name: "SyntaxError", message: /^Expected an image at .*cat\/2\.png but found .*--strict/ });
  const hopeless = await openDataset(await folderOf({ "a/1.png": "x", "b/1.png": await png(1) }));
  await assert.rejects(async () => hopeless.pixels(0, 0), {
    message: /^Expected an image in class a of .* that can be read but found none: .*a\/1\.png \(.*; mend one, take the class away, or train without/,
  });
  await assert.rejects(openDataset(await folderOf({ "a.png": "x" })), {
    message: /^Expected images in .* but found none that can be read; look at them with ddpm data inspect$/,
  });
});

test("where classes are left out, any image replaces a broken one", async () => {
  const folder = await folderOf({ "a/1.png": "x", "b/1.png": await png(1), "b/2.png": "x" });
  const data = await openDataset(folder, { height: 8, width: 8, channels: 1, conditional: false });
  assert.deepEqual([data.classes, data.label], [undefined, undefined]);
  for (const i of [0, 1, 2]) assert.deepEqual(one(await data.pixels(i, 0), 1), [1]);
});

test("what does not fit into the cache is read again, to the same bytes", async () => {
  const folder = await folderOf(Object.fromEntries(await Promise.all(Array.from({ length: 20 }, async (_, i) => [`${i}.png`, await png(i * 10)]))));
  const of = async (cache: number) =>
    imagesOf(await openSource(folder), { size: { height: 8, width: 8, channels: 1 }, crop: "random", broken: new BrokenImages(), cache });
  const [none, some, all] = [await of(0), await of(1000), await of(1e6)];
  const options = { seed: 0, batch: 8, flip: true };
  for (const step of [1, 2, 3, 4, 5, 6]) {
    const expected = await batch(all, { ...options, step });
    for (const data of [none, some]) assert.deepEqual(await batch(data, { ...options, step }), expected);
  }
  assert.ok(all.pixels(0, 0) instanceof Uint8Array && none.pixels(0, 0) instanceof Promise);
});

test("openTests() tells images for tests from those to train on, or takes all and says so", async () => {
  const [one, two] = [await ramp(8, 8, 1), await ramp(8, 8, 2)];
  const said: string[] = [];
  const opened = async (files: Record<string, Uint8Array>) => openTests(await folderOf(files), { say: (line) => said.push(line) });
  const apart = await opened({ "train/a.png": one, "test/b.png": two, "test/c.png": one });
  assert.deepEqual([apart.heldOut, apart.tests.count, said], [true, 2, []]);
  const together = await opened({ "a.png": one, "b.png": two });
  assert.deepEqual([together.heldOut, together.tests.count, said.length], [false, 2, 1]);
  assert.match(said[0]!, /^Taking all of /);
  const { tests, heldOut } = await openTests("shapes");
  assert.ok(heldOut);
  assert.notDeepEqual(await tests.pixels(0, 0.5), await (await openDataset("shapes")).pixels(0, 0.5));
});
