import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type DecodedSource, numbered } from "./source.ts";

interface Format {
  readonly name: string;
  /** Bytes before the pixels; the last of them is the label, the finest that there is. */
  readonly labels: number;
  /** The file beside that names the labels. */
  readonly classes: string;
}

const formats: readonly Format[] = [
  { name: "CIFAR-10", labels: 1, classes: "batches.meta.txt" },
  { name: "CIFAR-100", labels: 2, classes: "fine_label_names.txt" },
];
const side = 32;
/** The red, the green and the blue plane. */
const pixels = 3 * side * side;

/**
 * The binary batches of CIFAR-10, or CIFAR-100 with its fine labels; names of classes come from the text file beside them. All of it is held in
 * memory (150 MB). Throws a SyntaxError for files of another length.
 */
export async function cifar(name: string, paths: readonly string[]): Promise<DecodedSource> {
  const batches = await Promise.all(paths.map((path) => readFile(path)));
  const format = formatOf(paths, batches);
  const records = batches.flatMap((batch) => split(batch, format.labels + pixels));
  const label = (index: number): number => records[index]![format.labels - 1]!;
  const most = records.reduce((most, _, index) => Math.max(most, label(index)), 0);
  const classes = (await namesBeside(paths[0]!, format)) ?? numbered(most);
  if (most >= classes.length)
    throw new SyntaxError(`${name}: Expected labels below ${classes.length}, the number of classes, but found ${most}; fetch the file again`);
  return {
    name,
    kind: `binary batches of ${format.name}`,
    count: records.length,
    size: { height: side, width: side, channels: 3 },
    classes,
    label,
    title: (index) => `${name} image ${index}`,
    pixels: (index) => interleaved(records[index]!.subarray(format.labels)),
  };
}

/** The format whose records all batches are made of. Throws a SyntaxError that names the first that is not. */
function formatOf(paths: readonly string[], batches: readonly Uint8Array[]): Format {
  const fits = ({ length }: Uint8Array, { labels }: Format): boolean => length > 0 && length % (labels + pixels) === 0;
  const pickle = batches.findIndex((batch) => batch[0] === 0x80); // which is no label
  if (pickle >= 0) throw new SyntaxError(`${paths[pickle]}: Expected a binary batch but found a Python pickle; fetch the binary version`);
  const format = formats.find((format) => batches.every((batch) => fits(batch, format)));
  if (format) return format;
  const odd = batches.findIndex((batch) => !fits(batch, formats.find((format) => batches.some((batch) => fits(batch, format))) ?? formats[0]!));
  const records = formats.map(({ name, labels }) => `${labels + pixels} (${name})`).join(" or ");
  throw new SyntaxError(`${paths[odd]}: Expected records of ${records} bytes but found ${batches[odd]!.length} bytes; fetch the file again`);
}

const split = (bytes: Uint8Array, length: number): Uint8Array[] =>
  Array.from({ length: bytes.length / length }, (_, i) => bytes.subarray(i * length, (i + 1) * length));

async function namesBeside(path: string, { classes }: Format): Promise<string[] | undefined> {
  const file = join(dirname(path), classes);
  if (!existsSync(file)) return undefined;
  return (await readFile(file, "utf8"))
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean);
}

/** Planes to pixels. */
function interleaved(planes: Uint8Array): Uint8Array {
  const out = new Uint8Array(planes.length);
  const size = planes.length / 3;
  for (let i = 0; i < size; i++) for (let c = 0; c < 3; c++) out[i * 3 + c] = planes[c * size + i]!;
  return out;
}
