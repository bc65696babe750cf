import { open, readdir, rename, rm, truncate } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { AppendedFile } from "./files.ts";

/** What `ddpm train` writes of a step; `step` and `loss` are always there. */
export type LogLine = Readonly<Record<string, number>>;

/** The name under which a run writes its log; older parts of a long one are log-000001.jsonl, … beside it. */
const current = "log.jsonl";
/** Bytes of a part, about a hundred thousand steps. */
const partLength = 2 ** 25;

const partNumber = (name: string): number => Number(/^log-(\d+)\.jsonl$/.exec(name)?.[1]);

/** The parts of the log at `path`, the oldest first; of a file of another name only that. */
async function partsOf(path: string): Promise<string[]> {
  if (basename(path) !== current) return [path];
  const names = (await readdir(dirname(path))).filter((name) => partNumber(name) > 0 || name === current);
  return names.sort((a, b) => (partNumber(a) || Infinity) - (partNumber(b) || Infinity)).map((name) => join(dirname(path), name));
}

/** A run's log as the run writes it. */
export class TrainingLog implements AsyncDisposable {
  readonly #path: string;
  readonly #partLength: number;
  #file: AppendedFile;

  private constructor(path: string, file: AppendedFile, partLength: number) {
    [this.#path, this.#file, this.#partLength] = [path, file, partLength];
  }

  /** Drops the lines after `step`, which a resumed run will write again, and what comes after a line that a crash cut off. */
  static async open(folder: string, step: number, length = partLength): Promise<TrainingLog> {
    const path = join(folder, current);
    const parts = await partsOf(path);
    while (parts.length > 0) {
      const part = parts.shift()!;
      const kept = await lengthUntil(part, step);
      if (kept === undefined) continue;
      await truncate(part, kept);
      for (const later of parts.splice(0)) await rm(later);
    }
    return new TrainingLog(path, await AppendedFile.open(path), length);
  }

  append(line: LogLine): Promise<void> {
    return this.#file.append(`${JSON.stringify(line)}\n`);
  }

  /** Makes what was written outlast a loss of power, and begins another part once this one is long. */
  async sync(): Promise<void> {
    await this.#file.sync();
    if (this.#file.length < this.#partLength) return;
    await this.#file[Symbol.asyncDispose]();
    const number = Math.max(0, ...(await partsOf(this.#path)).map((part) => partNumber(basename(part)) || 0)) + 1;
    await rename(this.#path, join(dirname(this.#path), `log-${String(number).padStart(6, "0")}.jsonl`));
    this.#file = await AppendedFile.open(this.#path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file[Symbol.asyncDispose]();
  }
}

/** The length of the lines up to `step` at the beginning of a log; undefined where those are all. */
async function lengthUntil(path: string, step: number): Promise<number | undefined> {
  await using file = await open(path);
  const { size } = await file.stat();
  let length = 0;
  for await (const text of file.readLines()) {
    const line = parsed(text);
    const end = length + Buffer.byteLength(text) + 1;
    if (!line || line["step"]! > step || end > size) return length;
    length = end;
  }
  return undefined;
}

/**
 * The lines of a run's log.jsonl, with its older parts, one at a time: logs of long runs are large. A last line that was cut off is left out, since a run
 * may just be writing it. Throws a SyntaxError that names the line for any other that is not as `ddpm train` writes it.
 */
export async function* logLines(path: string): AsyncGenerator<LogLine> {
  for (const part of await partsOf(path)) yield* linesOf(part);
}

async function* linesOf(path: string): AsyncGenerator<LogLine> {
  await using file = await open(path);
  let cut: string | undefined;
  let number = 0;
  for await (const text of file.readLines()) {
    if (cut !== undefined) throw wrong(path, number, cut);
    number++;
    const line = parsed(text);
    if (line) yield line;
    else cut = text;
  }
}

function parsed(text: string): LogLine | undefined {
  try {
    const line = Object(JSON.parse(text)) as LogLine;
    return typeof line["step"] === "number" && typeof line["loss"] === "number" ? line : undefined;
  } catch {
    return undefined;
  }
}

const wrong = (path: string, number: number, found: string): SyntaxError =>
  new SyntaxError(
    `${path}: Expected line ${number} to be JSON with numbers "step" and "loss" but found ${found.slice(0, 60)}; choose the log.jsonl of a run folder`,
  );
