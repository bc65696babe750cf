import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { after, test } from "node:test";
import { crc32, deflateSync, gzipSync } from "node:zlib";
import { decode } from "@ddpm/core/safetensors";
import { parquetWriteBuffer } from "hyparquet-writer";
import sharp from "sharp";
import { ZipFile } from "yazl";
import { BrokenImages } from "./broken.ts";
import { openDataset } from "./index.ts";

const folder = mkdtempSync(join(tmpdir(), "ddpm-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const at = (name: string): string => join(folder, name);

/** Opens a file and takes its first image. */
async function take(name: string, bytes: Uint8Array): Promise<BrokenImages> {
  writeFileSync(at(name), bytes);
  const broken = new BrokenImages({});
  await (await openDataset(at(name), { height: 8, width: 8, broken })).pixels(0, 0);
  return broken;
}

/** MiB that this process holds more after some work than before, at most. */
async function taken(work: () => Promise<unknown>): Promise<number> {
  const before = process.resourceUsage().maxRSS;
  await work();
  return (process.resourceUsage().maxRSS - before) / 1024;
}

function idx(count: number, bytes: number): Buffer {
  const out = Buffer.alloc(16 + bytes);
  for (const [i, n] of [0x803, count, 28, 28].entries()) out.writeUInt32BE(n, 4 * i);
  return out;
}

test("a gzip bomb is unpacked no further than its own header says", async () => {
  const bomb = gzipSync(idx(3, 400 * 2 ** 20), { level: 1 });
  const more = await taken(() =>
    assert.rejects(take("images-idx3-ubyte.gz", bomb), /Expected an idx file in gzip but found Cannot create a Buffer larger than/),
  );
  assert.ok(more < 100, `${more} MiB`);
});

test("a header that promises more than an archive of its length can hold is refused before anything is unpacked", async () => {
  const refused = /Expected an archive of \d+ bytes, as its header says, but found one of \d+, which cannot hold them; fetch it again/;
  await assert.rejects(take("images-idx3-ubyte.gz", gzipSync(idx(0xffffffff, 100))), refused);
});

/** A PNG that says it is of this size, and whose pixels are missing. */
function png(width: number, height: number): Uint8Array {
  const chunk = (type: string, data: Buffer): Buffer => {
    const out = Buffer.alloc(12 + data.length);
    out.writeUInt32BE(data.length);
    out.write(type, 4, "latin1");
    data.copy(out, 8);
    out.writeUInt32BE(crc32(out.subarray(4, 8 + data.length)), 8 + data.length);
    return out;
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const signature = Buffer.from("89504e470d0a1a0a", "hex");
  return Buffer.concat([signature, chunk("IHDR", header), chunk("IDAT", deflateSync(Buffer.alloc(1000))), chunk("IEND", Buffer.alloc(0))]);
}

for (const [name, width, height, refused] of [
  ["huge", 30_000, 30_000, /a\.png.*exceeds pixel limit/],
  ["a line of millions", 7_000_000, 7, /a\.png.*sides of 7000000 × 7 pixels, which may have 32768 each/],
] as const)
  test(`an image that claims to be ${name} is broken, and not decoded`, async () => {
    const pictures = mkdtempSync(join(folder, "pictures-"));
    writeFileSync(join(pictures, "a.png"), png(width, height));
    writeFileSync(join(pictures, "b.png"), await picture());
    const broken = new BrokenImages({});
    const more = await taken(async () => (await openDataset(pictures, { height: 8, width: 8, broken })).pixels(0, 0));
    assert.match(`${broken}`, refused);
    assert.ok(more < 100, `${more} MiB`);
  });

const picture = (): Promise<Buffer> =>
  sharp({ create: { width: 9, height: 9, channels: 3, background: "red" } })
    .png()
    .toBuffer();

async function archive(entries: Readonly<Record<string, Buffer>>): Promise<Buffer> {
  const zip = new ZipFile();
  for (const [name, bytes] of Object.entries(entries)) zip.addBuffer(bytes, name, { compressionLevel: 1 });
  zip.end();
  return buffer(zip.outputStream as never);
}

test("a file in an archive that unpacks to too much is broken, and not unpacked", async () => {
  const bomb = await archive({ "a.png": Buffer.alloc(2 ** 28 + 1), "b.png": await picture() });
  let broken: BrokenImages | undefined;
  const more = await taken(async () => {
    broken = await take("bomb.zip", bomb);
  });
  assert.match(`${broken}`, /a\.png.*a file that unpacks to 268435457 bytes, where 268435456 are the most/);
  assert.ok(more < 100, `${more} MiB`);
});

test("an archive's paths lead nowhere: nothing is unpacked to the disk, and those that point out of it are refused", async () => {
  const plain = await archive({ "aaaaa/slip.png": await picture(), "b/b.png": await picture() });
  const slip = Buffer.from(plain.toString("latin1").replaceAll("aaaaa/slip.png", "../../slip.png"), "latin1");
  const before = readdirSync(folder).length;
  await assert.rejects(
    take("slip.zip", slip),
    /slip\.zip: Expected a zip archive of images but found invalid relative path: \.\.\/\.\.\/slip\.png; choose another, or make it anew/,
  );
  assert.equal(readdirSync(folder).length, before + 1);
  assert.ok(!existsSync(join(folder, "../slip.png")) && !existsSync(join(folder, "../../slip.png")));
});

test("parquet that claims more rows than its groups have is refused", async () => {
  const bytes = new Uint8Array(parquetWriteBuffer({ columnData: [{ name: "image", data: [await picture(), await picture()], type: "BYTE_ARRAY" }] }));
  await take("whole.parquet", bytes);
  const { parquetMetadata } = await import("hyparquet");
  const rows = parquetMetadata(bytes.buffer as ArrayBuffer).num_rows;
  assert.equal(rows, 2n);
  const footer = bytes.length - 8 - new DataView(bytes.buffer).getUint32(bytes.length - 8, true);
  const places = [...bytes.keys()].filter((i) => i >= footer && bytes[i] === 4); // a zigzag 2
  const outcomes = await Promise.all(
    places.map((i) =>
      take(`rows-${i}.parquet`, bytes.with(i, 0x7e)).then(
        () => "read",
        (error: Error) => error.message,
      ),
    ),
  );
  assert.ok(
    outcomes.some((outcome) => /Expected 63 rows, as the file says, but found row groups of 2/.test(outcome)),
    outcomes.join("\n"),
  );
});

test("a label of two thousand millions makes no classes", async () => {
  const data = [await picture(), await picture()];
  const labels = { name: "label", data: [0, 2 ** 31 - 1], type: "INT32" as const };
  const bytes = parquetWriteBuffer({ columnData: [{ name: "image", data, type: "BYTE_ARRAY" }, labels] });
  await assert.rejects(
    take("labels.parquet", new Uint8Array(bytes)),
    /Expected labels below 100000 but found 2147483647; fetch the file again, or number its classes from 0/,
  );
});

test("a header nested a hundred thousand times is refused at once", () => {
  const header = Buffer.from(`{"x":${"[".repeat(1e5)}${"]".repeat(1e5)}}`);
  const start = Buffer.alloc(8);
  start.writeUInt32LE(header.length);
  assert.throws(
    () => decode(Buffer.concat([start, header])),
    /Expected a safetensors header of at most 3 levels but found more|to be JSON but found something else/,
  );
});
