import { hostname } from "node:os";
import { join } from "node:path";
import { crc32c } from "./crc32c.ts";
import { AppendedFile } from "./files.ts";
import type { Picture } from "./picture.ts";

/** Bytes of a file before the next is begun. */
const partLength = 2 ** 26;

/** Writes TensorBoard's event files: TFRecords of Event messages. */
export class EventWriter {
  readonly #folder: string;
  readonly #partLength: number;
  #file: AppendedFile;
  #parts = 1;
  #pending: Buffer[];
  #flushed = 0;

  private constructor(folder: string, file: AppendedFile, step: number, partLength: number) {
    [this.#folder, this.#file, this.#partLength] = [folder, file, partLength];
    this.#pending = [beginning(), ...(step > 0 ? [event({ step: step + 1, session: start })] : [])];
  }

  /** Of a run that goes on after `step`: TensorBoard drops what an earlier file has of later steps. */
  static async open(folder: string, step: number, length = partLength): Promise<EventWriter> {
    return new EventWriter(folder, await AppendedFile.open(join(folder, fileName())), step, length);
  }

  scalar(step: number, tag: string, value: number): void {
    this.#pending.push(event({ step, summary: [text(1, tag), Buffer.concat([key(2, 5), float32(value)])] }));
  }

  image(step: number, tag: string, png: Uint8Array, { width, height, channels }: Pick<Picture, "width" | "height" | "channels">): void {
    const image = [integer(1, height), integer(2, width), integer(3, channels), bytes(4, png)];
    this.#pending.push(event({ step, summary: [text(1, tag), bytes(4, Buffer.concat(image))] }));
  }

  /** Writes what is pending if the last writing is more than five seconds ago, so that TensorBoard shows a run as it goes. */
  async flushWhenDue(): Promise<void> {
    if (performance.now() - this.#flushed > 5000) await this.flush();
  }

  async flush(): Promise<void> {
    this.#flushed = performance.now();
    const records = Buffer.concat(this.#pending.map(record));
    this.#pending = [];
    await this.#file.append(records);
    if (this.#file.length < this.#partLength) return;
    await this.#file[Symbol.asyncDispose]();
    this.#file = await AppendedFile.open(join(this.#folder, fileName(this.#parts++)));
    this.#pending.push(beginning());
  }

  async close(): Promise<void> {
    try {
      await this.flush();
    } finally {
      await this.#file[Symbol.asyncDispose]();
    }
  }
}

/** TensorBoard reads a folder's files in the order of their names, and goes to the next once there is one. */
function fileName(part = 0): string {
  return `events.out.tfevents.${Math.floor(Date.now() / 1000)}.${hostname()}.${process.pid}${part > 0 ? `.${String(part).padStart(4, "0")}` : ""}`;
}

const beginning = (): Buffer => event({ version: "brain.Event:2" });

/** TFRecord: length, its checksum, the data, its checksum. */
function record(data: Buffer): Buffer {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(data.length));
  return Buffer.concat([length, masked(length), data, masked(data)]);
}

function masked(data: Buffer): Buffer {
  const crc = crc32c(data);
  const out = Buffer.alloc(4);
  out.writeUInt32LE((((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0);
  return out;
}

/** SessionLog.START */
const start = 1;

function event({ step, version, summary, session }: { step?: number; version?: string; summary?: readonly Buffer[]; session?: number }): Buffer {
  const time = Buffer.alloc(8);
  time.writeDoubleLE(Date.now() / 1000);
  return Buffer.concat([
    ...[key(1, 1), time],
    ...(step === undefined ? [] : [integer(2, step)]),
    ...(version === undefined ? [] : [text(3, version)]),
    ...(session === undefined ? [] : [bytes(7, integer(1, session))]),
    ...(summary ? [bytes(5, bytes(1, Buffer.concat(summary)))] : []),
  ]);
}

const key = (field: number, wire: number): Buffer => Buffer.of((field << 3) | wire);
const integer = (field: number, value: number): Buffer => Buffer.concat([key(field, 0), varint(value)]);
const bytes = (field: number, content: Uint8Array): Buffer => Buffer.concat([key(field, 2), varint(content.length), content]);
const text = (field: number, content: string): Buffer => bytes(field, Buffer.from(content));

function float32(value: number): Buffer {
  const out = Buffer.alloc(4);
  out.writeFloatLE(value);
  return out;
}

function varint(value: number): Buffer {
  const out: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) out.push((rest % 128) | 128);
  return Buffer.from([...out, rest]);
}
