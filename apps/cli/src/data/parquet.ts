import type { FileMetaData, SchemaElement } from "hyparquet";
import { parquetFacts, parquetRows } from "./parquet-reader.ts";
import { RowGroups } from "./row-groups.ts";
import { type EncodedSource, numbered } from "./source.ts";

/** A shard: its rows begin with image `start` of the whole. */
export interface Shard {
  readonly path: string;
  /** Its length. */
  readonly bytes: number;
  readonly metadata: FileMetaData;
  readonly start: number;
  readonly rows: number;
}

/** What Hugging Face's `datasets` writes into the key-value metadata as `huggingface`. */
interface Feature {
  readonly _type?: string;
  readonly names?: readonly string[];
}

/**
 * Images of parquet files as Hugging Face's `datasets` writes them: a column of structs {bytes, path} or of bytes, and a column of labels where there is
 * one. Throws a SyntaxError for a file without images.
 */
export async function parquetImages(name: string, paths: readonly string[]): Promise<EncodedSource> {
  const shards = await openShards(paths);
  const { metadata } = shards[0]!;
  const features = featuresOf(metadata);
  const column = imageColumn(metadata, features);
  if (!column)
    throw new SyntaxError(
      `${paths[0]}: Expected a column of images but found ${columnsOf(metadata).map(({ name }) => name)}; choose a file with one`,
    );
  const groups = new RowGroups(shards, column);
  return {
    name,
    kind: "parquet with a column of images",
    count: groups.count,
    runs: groups.runs,
    memory: groups.bound,
    ...(await labelled(shards, features)),
    title: (index) => groups.title(index),
    file: (index) => groups.file(index),
  };
}

/** Rows that a byte of a file may stand for: with images in them it is far fewer. */
const mostRows = 8;

async function openShards(paths: readonly string[]): Promise<Shard[]> {
  const shards: Shard[] = [];
  let start = 0;
  for (const path of paths) {
    const { metadata, bytes } = await parquetFacts(path);
    const [rows, found] = [Number(metadata.num_rows), metadata.row_groups.reduce((n, { num_rows }) => n + Number(num_rows), 0)];
    if (rows !== found || rows > bytes * mostRows)
      throw new SyntaxError(
        `${path}: Expected ${rows} rows, as the file says, but found row groups of ${found} in ${bytes} bytes; fetch the file again`,
      );
    shards.push({ path, bytes, metadata, start, rows });
    start += rows;
  }
  return shards;
}

function featuresOf({ key_value_metadata }: FileMetaData): Readonly<Record<string, Feature>> {
  const text = key_value_metadata?.find(({ key }) => key === "huggingface")?.value;
  try {
    return (JSON.parse(text ?? "{}") as { info?: { features?: Record<string, Feature> } }).info?.features ?? {};
  } catch {
    return {}; // what another writer calls by this name is no concern of ours
  }
}

interface Column {
  readonly name: string;
  readonly type: SchemaElement["type"];
  readonly text: boolean;
  readonly fields: readonly string[];
}

/** The columns of the first level: a schema is a tree in depth-first order. */
function columnsOf({ schema }: FileMetaData): Column[] {
  const columns: Column[] = [];
  for (let i = 1; i < schema.length; i = end(schema, i)) {
    const { name, type, converted_type, logical_type } = schema[i]!;
    const fields = schema.slice(i + 1, end(schema, i)).map(({ name }) => name);
    columns.push({ name, type, text: converted_type === "UTF8" || logical_type?.type === "STRING", fields });
  }
  return columns;
}

/** Where the tree of element `at` ends. */
function end(schema: readonly SchemaElement[], at: number): number {
  let next = at + 1;
  for (let child = 0; child < (schema[at]!.num_children ?? 0); child++) next = end(schema, next);
  return next;
}

function imageColumn(metadata: FileMetaData, features: Readonly<Record<string, Feature>>): string | undefined {
  const columns = columnsOf(metadata);
  const named = columns.find(({ name }) => features[name]?._type === "Image");
  const struct = columns.find(({ fields }) => fields.includes("bytes"));
  const binary = columns.find(({ type, text }) => type === "BYTE_ARRAY" && !text);
  return (named ?? struct ?? binary)?.name;
}

/** Labels of the first column of class labels, else of one whose name says so; texts are classes by their own name. None where all are null or -1. */
async function labelled(shards: readonly Shard[], features: Readonly<Record<string, Feature>>): Promise<Pick<EncodedSource, "classes" | "label">> {
  const columns = columnsOf(shards[0]!.metadata);
  const column = columns.find(({ name }) => features[name]?._type === "ClassLabel") ?? columns.find(({ name }) => /^(fine_)?labels?$/.test(name));
  if (!column || column.fields.length > 0) return {};
  const cells = await valuesOf(shards, column.name);
  if (cells.every((cell) => cell === null || Number(cell) === -1)) return {};
  const texts = column.text ? [...new Set(cells.map(String))].sort() : undefined;
  const places = new Map(texts?.map((text, i) => [text, i]));
  const values = cells.map((cell) => (texts ? places.get(String(cell))! : cell === null ? NaN : Number(cell)));
  const classes = features[column.name]?.names ?? texts ?? numbered(values.reduce((most, value) => Math.max(most, value || 0), 0));
  const wrong = values.findIndex((value) => !(value >= 0 && value < classes.length));
  if (wrong >= 0)
    throw new SyntaxError(
      `${shards[0]!.path}: Expected labels below ${classes.length}, the number of classes, but found ${cells[wrong]}; fetch the file again`,
    );
  const labels = Uint32Array.from(values);
  return { classes, label: (index) => labels[index]! };
}

async function valuesOf(shards: readonly Shard[], column: string): Promise<unknown[]> {
  const parts: unknown[][] = [];
  for (const shard of shards) parts.push((await parquetRows(shard.path, { columns: [column] }, shard.bytes)).map((row) => row[column]));
  return parts.flat();
}
