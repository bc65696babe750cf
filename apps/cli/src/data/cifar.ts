import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type DecodedSource, numbered } from "./source.ts";

/** Bytes of a record of CIFAR-10: the label, then the red, the green and the blue plane. */
const record = 1 + 3 * 1024;

/** CIFAR-10's binary batches; the names of classes come from batches.meta.txt beside them. Throws a SyntaxError for files of another length. */
export async function cifar(name: string, paths: readonly string[]): Promise<DecodedSource> {
  const batches = await Promise.all(paths.map((path) => readFile(path)));
  for (const [i, { length }] of batches.entries()) {
    if (length > 0 && length % record === 0) continue;
    throw new SyntaxError(`${paths[i]}: Expected CIFAR-10's records of ${record} bytes but found ${length} bytes; fetch the file again`);
  }
  const bytes = Buffer.concat(batches);
  const label = (index: number): number => bytes[index * record]!;
  const count = bytes.length / record;
  const most = Array.from({ length: count }, (_, i) => label(i)).reduce((a, b) => Math.max(a, b), 0);
  const classes = (await namesBeside(paths[0]!)) ?? numbered(most);
  if (most >= classes.length) throw new SyntaxError(`${name}: Expected labels below ${classes.length}, the number of classes, but found ${most}`);
  return {
    name,
    count,
    size: { height: 32, width: 32, channels: 3 },
    classes,
    label,
    title: (index) => `${name} image ${index}`,
    pixels: (index) => interleaved(bytes.subarray(index * record + 1, (index + 1) * record)),
  };
}

async function namesBeside(path: string): Promise<string[] | undefined> {
  const file = join(dirname(path), "batches.meta.txt");
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
