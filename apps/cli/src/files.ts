import { open, rename, rm } from "node:fs/promises";

/** Writes a file so that it is either the old one or whole: to a temporary name, synced, renamed. */
export async function writeAtomically(path: string, content: Uint8Array | string): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    await using file = await open(temporary, "w");
    await file.writeFile(content);
    await file.sync();
  } catch (error) {
    await rm(temporary, { force: true });
    throw new Error(`Expected to write ${path} but found ${(error as Error).message}; choose a folder you may write to`, { cause: error });
  }
  await rename(temporary, path);
}
