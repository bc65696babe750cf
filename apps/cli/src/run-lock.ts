import { type FileHandle, open } from "node:fs/promises";
import { hostname } from "node:os";
import koffi from "koffi";

/** A run folder that this process alone may write to, until it is disposed or the process ends, however it ends: the system gives the lock back. */
export class RunLock implements AsyncDisposable {
  readonly #file: FileHandle;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  /** Throws where another process holds the lock, which the file at `path` names. */
  static async take(path: string): Promise<RunLock> {
    const file = await open(path, "a+");
    if (!locked(file.fd)) {
      const holder = (await file.readFile("utf8")).trim();
      await file.close();
      throw new Error(
        `Expected a run that nobody writes to but found it held by ${holder || "another process"}; wait for it, stop it, or choose another --out`,
      );
    }
    await describe(file).catch(() => {}); // on a full disk the lock is without a name, but a lock
    return new RunLock(file);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }
}

async function describe(file: FileHandle): Promise<void> {
  await file.truncate();
  await file.appendFile(`process ${process.pid} on ${hostname()} since ${new Date().toISOString()}\n`);
}

/** flock(2): a lock of the open file, so that nothing is left to clear after a crash. */
function locked(descriptor: number): boolean {
  const [exclusive, nonBlocking] = [2, 4];
  return koffi.load(null).func("int flock(int, int)")(descriptor, exclusive | nonBlocking) === 0;
}
