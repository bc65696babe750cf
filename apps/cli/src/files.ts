import { access, constants, type FileHandle, mkdir, open, rename, rm, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";

/** Makes the folder that a flag's `path` will stand in, so that a path that cannot be written is known before the work and not after it. */
export async function prepareFolderOf(flag: string, path: string): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true });
    await access(dirname(path), constants.W_OK);
    if ((await stat(path).catch(absent))?.isDirectory()) throw new Error("a folder of that name");
  } catch (error) {
    const [reason] = (error as Error).message.split(",");
    throw new Error(`Expected a path that can be written for ${flag} but found ${reason} at ${path}; choose another`, { cause: error });
  }
}

/** Writes a file so that it is either the old one or whole, whatever happens: to a temporary name, synced, renamed, and its folder synced. */
export async function writeAtomically(path: string, content: Uint8Array | string): Promise<void> {
  const temporary = `${path}.${process.pid}${temporaryEnding}`;
  try {
    await using file = await open(temporary, "w");
    await file.writeFile(content);
    await file.sync();
    await rename(temporary, path);
    await syncFolder(dirname(path));
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {}); // the error below is the one that matters
    const reason = (error as Error).message.split(",")[0]; // without the temporary name
    const advice = remedies[(error as NodeJS.ErrnoException).code ?? ""] ?? "choose a folder that exists and that you may write to";
    throw new Error(`Expected to write all of ${path} but found ${reason}; ${advice}`, { cause: error });
  }
}

/** What to do where a disk refuses. */
const remedies: Readonly<Record<string, string>> = {
  ENOSPC: "make room on its disk",
  EDQUOT: "make room within its quota",
  EFBIG: "raise the limit of a file's size (ulimit -f)",
  EROFS: "choose a folder of a disk that may be written",
  EIO: "replace its disk, which fails",
};

/** Makes what was renamed or removed in a folder outlast a loss of power. */
async function syncFolder(path: string): Promise<void> {
  await using folder = await open(path);
  await folder.sync();
}

/** Makes a folder, and those above it, that outlast a loss of power. */
export async function makeFolder(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true });
  if (first === undefined) return;
  for (let made = resolve(path); made.length >= resolve(first).length; made = dirname(made)) await syncFolder(dirname(made));
}

/** The end of a name that is not a file's yet; a crash leaves it behind. */
export const temporaryEnding = ".tmp";

/** A file that grows at its end, and holds nothing in part: what could not be written whole is taken back. */
export class AppendedFile implements AsyncDisposable {
  readonly #file: FileHandle;
  #length: number;

  private constructor(file: FileHandle, length: number) {
    [this.#file, this.#length] = [file, length];
  }

  static async open(path: string): Promise<AppendedFile> {
    const file = await open(path, "a");
    return new AppendedFile(file, (await file.stat()).size);
  }

  get length(): number {
    return this.#length;
  }

  async append(content: Uint8Array | string): Promise<void> {
    const bytes = Buffer.from(content);
    try {
      await this.#file.appendFile(bytes);
      this.#length += bytes.length;
    } catch (error) {
      await this.#file.truncate(this.#length);
      throw error;
    }
  }

  /** Makes what was appended outlast a loss of power. */
  async sync(): Promise<void> {
    await this.#file.sync();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }
}

/** Whether an error is the system's refusal to write: a full disk, a quota, a folder that is gone. */
export const isRefusal = (error: unknown): boolean => {
  const { code, cause } = Object(error) as { readonly code?: unknown; readonly cause?: unknown };
  return (typeof code === "string" && /^E[A-Z]+$/.test(code)) || (cause !== undefined && isRefusal(cause));
};

/** For `catch`: a file that is not there is undefined, any other failure is thrown. */
export function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ENOENT") throw error;
}
