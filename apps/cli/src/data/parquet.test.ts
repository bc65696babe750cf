import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { batch } from "@ddpm/core/training";
import { parquetWriteBuffer } from "hyparquet-writer";
import { folderOf, plain } from "../../test/images.ts";
import { BrokenImages } from "./broken.ts";
import { openDataset } from "./index.ts";
import type { Shard } from "./parquet.ts";
import { ParquetReader } from "./parquet-reader.ts";
import { RowGroups } from "./row-groups.ts";

type Cell = { readonly bytes: Uint8Array | null; readonly path: string | null };

const optional = { repetition_type: "OPTIONAL" } as const;
const text = { type: "BYTE_ARRAY", converted_type: "UTF8", ...optional } as const;
const schema = (label: object) =>
  [
    { name: "root", num_children: 2 },
    { name: "image", num_children: 2, ...optional },
    { name: "bytes", type: "BYTE_ARRAY", ...optional },
    { name: "path", ...text },
    { name: "label", ...optional, ...label },
  ] as const;

/** What `datasets` writes: two rows a group, and the features. */
function shard(images: readonly Cell[], labels: readonly (bigint | string)[], names?: readonly string[]): Uint8Array {
  const features = { image: { _type: "Image" }, label: names ? { names, _type: "ClassLabel" } : { dtype: "int64", _type: "Value" } };
  const written = parquetWriteBuffer({
    columnData: [
      { name: "image", data: [...images] },
      { name: "label", data: [...labels] },
    ],
    schema: [...schema(typeof labels[0] === "string" ? text : { type: "INT64" })],
    rowGroupSize: 2,
    kvMetadata: [{ key: "huggingface", value: JSON.stringify({ info: { features } }) }],
  });
  return new Uint8Array(written);
}

const cell = async (value: number): Promise<Cell> => ({ bytes: await plain(8, 8, value).png().toBuffer(), path: `${value}.png` });
const cells = (...values: number[]) => Promise.all(values.map(cell));
const one = async (data: Awaited<ReturnType<typeof openDataset>>, i: number) => (await data.pixels(i, 0))[0];

test("shards of parquet in a folder are one set, with class names of the metadata; test shards stay out", async () => {
  const folder = await folderOf({
    "data/train-00000-of-00002.parquet": shard(await cells(10, 20, 30), [0n, 1n, 1n], ["no", "yes"]),
    "data/train-00001-of-00002.parquet": shard(await cells(40, 50), [0n, 0n], ["no", "yes"]),
    "data/test-00000-of-00001.parquet": shard(await cells(99), [0n], ["no", "yes"]),
  });
  const data = await openDataset(folder);
  assert.deepEqual([data.count, data.height, data.width, data.channels, data.classes], [5, 8, 8, 1, ["no", "yes"]]);
  assert.deepEqual(await Promise.all([4, 2, 0, 3, 1].map((i) => one(data, i))), [50, 30, 10, 40, 20]);
  assert.deepEqual(
    [0, 1, 2, 3, 4].map((i) => data.label!(i)),
    [0, 1, 1, 0, 0],
  );
  assert.deepEqual(data.runs!.starts, [0, 2, 3]);
});

test("an epoch of parquet holds every row once, in an order that seed and step alone decide", async () => {
  const values = Array.from({ length: 25 }, (_, i) => i * 10);
  const file = shard(
    await cells(...values),
    values.map(() => 0n),
  );
  const path = join(await folderOf({ "x.parquet": file }), "x.parquet");
  const epoch = async (seed: number) => {
    const data = await openDataset(path);
    const batches = await Promise.all([1, 2, 3].map((step) => batch(data, { seed, batch: 10, step, flip: false })));
    return batches.flatMap(({ images, count }) => Array.from({ length: count }, (_, i) => Math.round((images[i * 64]! + 1) * 127.5)));
  };
  const order = await epoch(1);
  assert.deepEqual(
    order.toSorted((a, b) => a - b),
    values,
  );
  assert.deepEqual(await epoch(1), order);
  assert.notDeepEqual(await epoch(2), order);
});

test("labels without names are numbers or their own texts", async () => {
  const [numbers, texts] = [shard(await cells(1, 2), [2n, 0n]), shard(await cells(1, 2, 3), ["dog", "cat", "dog"])];
  const folder = await folderOf({ "numbers.parquet": numbers, "texts.parquet": texts });
  const [a, b] = [await openDataset(join(folder, "numbers.parquet")), await openDataset(join(folder, "texts.parquet"))];
  assert.deepEqual([a.classes, a.label!(0), a.label!(1)], [["0", "1", "2"], 2, 0]);
  assert.deepEqual(
    [b.classes, [0, 1, 2].map((i) => b.label!(i))],
    [
      ["cat", "dog"],
      [1, 0, 1],
    ],
  ); // prettier
});

test("a file of Hugging Face's datasets 5.2 holds six garments of Fashion-MNIST", async () => {
  const data = await openDataset(fileURLToPath(new URL("../../test/datasets.parquet", import.meta.url)));
  assert.deepEqual([data.count, data.height, data.width, data.channels, data.classes], [6, 28, 28, 1, ["top", "trouser"]]);
  const sums = await Promise.all([0, 1, 2, 3, 4, 5].map(async (i) => (await data.pixels(i, 0)).reduce((a, b) => a + b, 0)));
  assert.deepEqual(sums, [84598, 28662, 61187, 69562, 52118, 73940]);
  assert.deepEqual(
    [0, 1, 2, 3, 4, 5].map((i) => data.label!(i)),
    [0, 0, 0, 0, 1, 0],
  );
});

test("labels that say nothing are none, and a missing one among others is refused", async () => {
  const folder = await folderOf({ "none.parquet": shard(await cells(1, 2), [-1n, -1n]), "some.parquet": shard(await cells(1, 2), [-1n, 1n]) });
  assert.equal((await openDataset(join(folder, "none.parquet"))).classes, undefined);
  await assert.rejects(openDataset(join(folder, "some.parquet")), {
    message: /some\.parquet: Expected labels below 2, the number of classes, but found -1; fetch the file again$/,
  });
});

test("row groups of any size keep at least two in memory, and parts of a large one can be read where pages have an index", async () => {
  const column = (bytes: number, index: boolean) => ({
    ...(index && { offset_index_offset: 1n }),
    meta_data: { path_in_schema: ["image", "bytes"], total_uncompressed_size: BigInt(bytes) },
  });
  const of = (bytes: number, index: boolean) => {
    const metadata = { row_groups: [1, 2, 3].map(() => ({ num_rows: 100n, columns: [column(bytes, index)] })) };
    return new RowGroups([{ path: "", start: 0, rows: 300, metadata } as unknown as Shard], "image");
  };
  const MB = 2 ** 20;
  const facts = ({ runs, bound }: RowGroups) => [runs.starts.length, runs.window, Math.round(bound / MB)];
  assert.deepEqual(facts(of(MB, true)), [3, 126, 128]);
  assert.deepEqual(facts(of(200 * MB, false)), [3, 1, 400]);
  assert.deepEqual(facts(of(200 * MB, true)), [75, 14, 128]);
  assert.deepEqual(of(200 * MB, true).runs.starts.slice(24, 27), [96, 100, 104]);
});

test("rows without bytes are broken images; files without images and damaged ones are refused by name", async () => {
  const broken = new BrokenImages();
  const path = join(await folderOf({ "a.parquet": shard([await cell(7), { bytes: null, path: "lost.png" }], [0n, 0n]) }), "a.parquet");
  assert.equal(await one(await openDataset(path, { broken }), 1), 7);
  assert.match(`${broken}`, /a\.parquet row 1 \(no bytes, a path alone\)/);
  const other = new Uint8Array(parquetWriteBuffer({ columnData: [{ name: "n", data: [1, 2] }] }));
  await writeFile(path, other);
  await assert.rejects(openDataset(path), {
    name: "SyntaxError",
    message: /a\.parquet: Expected a column of images but found n; choose a file with one$/,
  });
  await writeFile(path, other.subarray(0, -10));
  await assert.rejects(openDataset(path), { name: "SyntaxError", message: /a\.parquet: Expected whole parquet but found .*; fetch the file again$/ });
});

test("a file that takes more memory than it may ends its thread and is refused", async () => {
  const path = join(await folderOf({ "a.parquet": shard(await cells(1, 2), [0n, 1n]) }), "a.parquet");
  await assert.rejects(new ParquetReader(1).ask({ path }, 0), {
    name: "SyntaxError",
    message: "Expected parquet that can be read but found more than 1 MiB of objects; fetch the file again, or convert it to images",
  });
});
