// Reads parquet in a thread of its own, which may be ended where a file makes it take too much: see parquet-reader.ts
import { parentPort } from "node:worker_threads";
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from "hyparquet";
import { compressors } from "hyparquet-compressors";

/** What was opened so far, by path. */
const files = new Map();

async function opened(path) {
  const file = await asyncBufferFromFile(path);
  return { file, metadata: await parquetMetadataAsync(file) };
}

parentPort.on("message", async ({ path, rows }) => {
  try {
    const known = (rows && files.get(path)) ?? (await opened(path));
    files.set(path, known);
    const { file, metadata } = known;
    parentPort.postMessage({
      answer: rows ? await parquetReadObjects({ file, metadata, compressors, ...rows }) : { metadata, bytes: file.byteLength },
    });
  } catch (error) {
    parentPort.postMessage({ fault: error.message });
  }
});
