import { type FileHandle, open } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { crc32c } from "./crc32c.ts";
import type { Picture } from "./picture.ts";

/** Writes TensorBoard's event files: TFRecords of Event messages. */
export class EventWriter {
  readonly #file: FileHandle;
  #pending: Buffer[] = [event({ version: "brain.Event:2" })];
  #flushed = 0;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  static async open(folder: string): Promise<EventWriter> {
    return new EventWriter(await open(join(folder, `events.out.tfevents.${Math.floor(Date.now() / 1000)}.${hostname()}.${process.pid}`), "a"));
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
    await this.#file.appendFile(records);
  }

  async close(): Promise<void> {
    await this.flush();
    await this.#file.close();
  }
}

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

function event({ step, version, summary }: { step?: number; version?: string; summary?: readonly Buffer[] }): Buffer {
  const time = Buffer.alloc(8);
  time.writeDoubleLE(Date.now() / 1000);
  return Buffer.concat([
    ...[key(1, 1), time],
    ...(step === undefined ? [] : [integer(2, step)]),
    ...(version === undefined ? [] : [text(3, version)]),
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
