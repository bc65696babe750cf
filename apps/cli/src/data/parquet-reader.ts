import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { FileMetaData, ParquetReadOptions } from "hyparquet";

/** Which rows of which columns, and how. */
export type Rows = Pick<ParquetReadOptions, "columns" | "rowStart" | "rowEnd" | "utf8" | "useOffsetIndex">;

/** MiB of objects that reading may make; the bytes of pages come besides. */
const usualHeap = 1024;
/** Milliseconds to read anything, and for each byte besides: a MB in a second. */
const patience = { least: 30_000, each: 1 / 1000 };

/**
 * hyparquet in a thread of its own: a damaged file can make it fill memory or count for ever, which then ends that thread and not the program.
 * One request is read at a time.
 */
export class ParquetReader {
  readonly #heap: number;
  #worker: Worker | undefined;
  #before: Promise<unknown> = Promise.resolve();

  constructor(heap = usualHeap) {
    this.#heap = heap;
  }

  /** What its thread says of a file, of which `bytes` have to be read. Throws a SyntaxError where it fails, or takes more time or memory than it may. */
  ask(request: { readonly path: string; readonly rows?: Rows }, bytes: number): Promise<unknown> {
    const answer = this.#before.then(() => this.#ask(request, bytes));
    this.#before = answer.catch(() => {});
    return answer;
  }

  async #ask(request: { readonly path: string; readonly rows?: Rows }, bytes: number): Promise<unknown> {
    this.#worker ??= new Worker(new URL("./parquet-worker.js", import.meta.url), { resourceLimits: { maxOldGenerationSizeMb: this.#heap } });
    const worker = this.#worker;
    worker.ref();
    const limit = patience.least + bytes * patience.each;
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), limit);
    try {
      worker.postMessage(request);
      const [{ answer, fault }] = (await once(worker, "message", { signal: late.signal })) as [{ answer?: unknown; fault?: string }];
      if (fault !== undefined) throw new SyntaxError(`Expected whole parquet but found ${fault}; fetch the file again`);
      return answer;
    } catch (error) {
      if (error instanceof SyntaxError) throw error;
      this.#worker = undefined;
      await worker.terminate();
      const { code, message } = error as NodeJS.ErrnoException;
      const reason = { ABORT_ERR: `more than ${limit / 1000} s of work`, ERR_WORKER_OUT_OF_MEMORY: `more than ${this.#heap} MiB of objects` }[
        code ?? ""
      ];
      throw new SyntaxError(`Expected parquet that can be read but found ${reason ?? message}; fetch the file again, or convert it to images`, {
        cause: error,
      });
    } finally {
      clearTimeout(timer);
      worker.unref();
    }
  }
}

const reader = new ParquetReader();

const named = (path: string) => (error: Error) => {
  throw new SyntaxError(`${path}: ${error.message}`, { cause: error });
};

/** What the end of a parquet file says of it, and its length. Throws a SyntaxError for what is damaged or no such file. */
export const parquetFacts = (path: string): Promise<{ readonly metadata: FileMetaData; readonly bytes: number }> =>
  reader.ask({ path }, 0).catch(named(path)) as Promise<{ metadata: FileMetaData; bytes: number }>;

/** Rows of a parquet file, of which `bytes` have to be read at most. Throws a SyntaxError for one that is damaged. */
export const parquetRows = (path: string, rows: Rows, bytes: number): Promise<Record<string, unknown>[]> =>
  reader.ask({ path, rows }, bytes).catch(named(path)) as Promise<Record<string, unknown>[]>;
