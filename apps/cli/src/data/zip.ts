import type { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import type { Entry, ZipFile } from "yauzl";
import { classesOf, foldersFor, isImage, type Wanted } from "./paths.ts";
import type { EncodedSource } from "./source.ts";

/** What it takes to read a file of an archive: a tenth of what yauzl's own entries take, since there may be a million. */
type Place = Pick<Entry, "relativeOffsetOfLocalHeader" | "compressedSize" | "uncompressedSize" | "compressionMethod">;

const [stored, deflated] = [0, 8];

/** Bytes that one image may unpack to. */
const largest = 2 ** 28;

/** The image files of a zip archive, read where they stand; folders in it are classes. Throws a SyntaxError for a damaged archive or one without images. */
export async function zipArchive(path: string, purpose: Wanted): Promise<EncodedSource> {
  const { openPromise } = await import("yauzl");
  const wrong = (error: Error): never => {
    throw new SyntaxError(`${path}: Expected a zip archive of images but found ${error.message}; choose another, or make it anew`, { cause: error });
  };
  const archive = await openPromise(path, { autoClose: false }).catch(wrong);
  const places = await placesOf(archive).catch(wrong);
  const { paths, leftOut } = foldersFor(purpose, [...places.keys()]);
  if (paths.length === 0) wrong(new Error("none"));
  return {
    name: path,
    kind: "a zip archive of images",
    leftOut,
    count: paths.length,
    ...classesOf(paths),
    title: (index) => `${path}/${paths[index]}`,
    file: (index) => fileAt(archive, places.get(paths[index]!)!),
  };
}

async function placesOf(archive: ZipFile): Promise<Map<string, Place>> {
  const places = new Map<string, Place>();
  for await (const entry of archive.eachEntry()) {
    const { fileName, relativeOffsetOfLocalHeader, compressedSize, uncompressedSize, compressionMethod } = entry;
    if (isImage(fileName)) places.set(fileName, { relativeOffsetOfLocalHeader, compressedSize, uncompressedSize, compressionMethod });
  }
  return places;
}

async function fileAt(archive: ZipFile, place: Place): Promise<Uint8Array> {
  const { compressionMethod, compressedSize, uncompressedSize } = place;
  if (compressionMethod !== stored && compressionMethod !== deflated)
    throw new SyntaxError(`compression method ${compressionMethod}, where only stored and deflated files can be read`);
  if (uncompressedSize > largest) throw new SyntaxError(`a file that unpacks to ${uncompressedSize} bytes, where ${largest} are the most`);
  const { fileDataStart } = await archive.readLocalFileHeaderPromise(place as Entry, { minimal: true });
  const stream = await new Promise<Readable>((resolve, reject) => {
    // yauzl 3.4's own promise of this passes its arguments to another function
    const done = (error: Error | null, stream: Readable) => (error ? reject(error) : resolve(stream));
    archive.openReadStreamLowLevel(fileDataStart, compressedSize, 0, compressedSize, compressionMethod === deflated, uncompressedSize, done);
  });
  return buffer(stream);
}
