import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { constants, gunzipSync } from "node:zlib";
import { type DecodedSource, numbered } from "./source.ts";

export interface Idx {
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

/** Reads MNIST's idx format of unsigned bytes: 0, 0, 8, the number of axes, their lengths as big-endian int32, the bytes. Throws a SyntaxError. */
export function decodeIdx(bytes: Uint8Array): Idx {
  const { shape, header, expected } = headOf(bytes);
  const found = bytes.length - header;
  if (found !== expected) {
    const remark = found < expected ? "truncated" : "too long";
    throw new SyntaxError(`Expected ${expected} bytes for an idx of [${shape.join(", ")}] but found ${found}: the file is ${remark}; fetch it again`);
  }
  return { shape, data: bytes.subarray(header) };
}

/** What the beginning of an idx file says of it: the lengths of its axes, and the bytes of its header and after it. */
function headOf(bytes: Uint8Array): { readonly shape: readonly number[]; readonly header: number; readonly expected: number } {
  const axes = bytes[3] ?? 0;
  const header = 4 + 4 * axes;
  if (bytes[0] !== 0 || bytes[1] !== 0 || bytes[2] !== 8 || axes === 0) {
    const start = [...bytes.subarray(0, 4)].join(" ") || "nothing";
    throw new SyntaxError(`Expected an idx file of bytes, which starts with 0 0 8 and the number of axes, but found ${start}; choose such a file`);
  }
  if (bytes.length < header)
    throw new SyntaxError(`Expected an idx header of ${header} bytes but found ${bytes.length} bytes: the file is truncated; fetch it again`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const shape = Array.from({ length: axes }, (_, i) => view.getUint32(4 + 4 * i));
  return { shape, header, expected: shape.reduce((a, b) => a * b, 1) };
}

/** Deflate makes at most this many bytes of one. */
const deflateRatio = 1032;

/** Unpacks an idx file, and no more than its own header says that it holds, however much its archive would make. Throws a SyntaxError. */
export function unpacked(archive: Uint8Array): Uint8Array {
  try {
    const beginning = gunzipSync(archive.subarray(0, 4096), { finishFlush: constants.Z_SYNC_FLUSH }); // four MB at most
    const { header, expected } = headOf(beginning);
    if (expected > archive.length * deflateRatio)
      throw new SyntaxError(
        `Expected an archive of ${expected} bytes, as its header says, but found one of ${archive.length}, which cannot hold them; fetch it again`,
      );
    return gunzipSync(archive, { maxOutputLength: header + expected });
  } catch (error) {
    if (error instanceof SyntaxError) throw error;
    throw new SyntaxError(`Expected an idx file in gzip but found ${(error as Error).message}; fetch it again`, { cause: error });
  }
}

/** The images of an idx file, compressed or not, with the labels of the file beside it. Throws a SyntaxError that names a damaged file. */
export async function idxImages(name: string, path: string, names?: readonly string[]): Promise<DecodedSource> {
  const { shape, data } = await read(path, 3, "images [count, height, width]");
  const [count, height, width] = shape as [number, number, number];
  return {
    name,
    kind: "an idx file, as MNIST's",
    count,
    size: { height, width, channels: 1 },
    ...(await labelled(path, count, names)),
    title: (index) => `${path} image ${index}`,
    pixels: (index) => data.subarray(index * height * width, (index + 1) * height * width),
  };
}

/** Labels beside `…images…idx3…` are in `…labels…idx1…`; MNIST's archives put each into a folder of its own name. */
async function labelled(path: string, count: number, names?: readonly string[]): Promise<Pick<DecodedSource, "classes" | "label">> {
  const [folder, file] = [dirname(path), basename(path)];
  const named = [join(folder, labelsName(file)), join(dirname(folder), labelsName(basename(folder)), labelsName(file))];
  const variants = named.flatMap((name) => [name, name.replace(/\.gz$/, ""), `${name}.gz`]);
  const found = variants.find((name) => name !== path && existsSync(name));
  if (!found) return {};
  const { data } = await read(found, 1, `${count} labels`, count);
  return { classes: names ?? numbered(data.reduce((a, b) => Math.max(a, b), 0)), label: (index) => data[index]! };
}

const labelsName = (name: string): string => name.replace("images", "labels").replace("idx3", "idx1");

async function read(path: string, axes: number, expected: string, count?: number): Promise<Idx> {
  const bytes = await readFile(path);
  try {
    const { shape, data } = decodeIdx(bytes[0] === 0x1f || path.endsWith(".gz") ? unpacked(bytes) : bytes);
    const right = shape.length === axes && data.length > 0 && (count ?? shape[0]) === shape[0];
    if (!right) throw new SyntaxError(`Expected ${expected} in an idx file but found one of [${shape.join(", ")}]; choose another`);
    return { shape, data };
  } catch (error) {
    throw new SyntaxError(`${path}: ${(error as Error).message}`, { cause: error });
  }
}
