import { access, constants, mkdir, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";

/** Makes the folder that `path` will stand in, so that a path that cannot be written is known before the work and not after it. */
export async function prepareFolderOf(path: string): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true });
    await access(dirname(path), constants.W_OK);
  } catch (error) {
    throw new Error(`Expected to write ${path} but found ${(error as Error).message.split(",")[0]}; choose another --out`, { cause: error });
  }
}

/** Writes a file so that it is either the old one or whole: to a temporary name, synced, renamed. */
export async function writeAtomically(path: string, content: Uint8Array | string): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    await using file = await open(temporary, "w");
    await file.writeFile(content);
    await file.sync();
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {}); // the error below is the one that matters
    const reason = (error as Error).message.split(",")[0]; // without the temporary name
    throw new Error(`Expected to write ${path} but found ${reason}; choose a folder that exists and that you may write to`, { cause: error });
  }
}

/** For `catch`: a file that is not there is undefined, any other failure is thrown. */
export function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ENOENT") throw error;
}
