import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { crc32c } from "./crc32c.ts";
import { EventWriter } from "./tensorboard.ts";

type Message = Map<number, (number | bigint | Buffer)[]>;

/** The fields of a protocol buffer by number, left undecoded. */
function fields(bytes: Buffer): Message {
  const found: Message = new Map();
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++]!;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  const take = (length: number): Buffer => {
    at += length;
    return bytes.subarray(at - length, at);
  };
  while (at < bytes.length) {
    const key = varint();
    const read = { 0: varint, 1: () => take(8).readDoubleLE(), 2: () => take(varint()), 5: () => take(4).readFloatLE() }[key & 7];
    assert.ok(read, `wire type ${key & 7}`);
    found.set(key >> 3, [...(found.get(key >> 3) ?? []), read()]);
  }
  return found;
}

/** The records of a TFRecord file, checksums checked. */
function records(bytes: Buffer): Buffer[] {
  const found: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = Number(bytes.readBigUInt64LE(at));
    const data = bytes.subarray(at + 12, at + 12 + length);
    assert.equal(bytes.readUInt32LE(at + 8), masked(bytes.subarray(at, at + 8)));
    assert.equal(bytes.readUInt32LE(at + 12 + length), masked(data));
    found.push(data);
    at += length + 16;
  }
  return found;
}

const masked = (data: Buffer): number => Number((BigInt(((crc32c(data) >>> 15) | (crc32c(data) << 17)) >>> 0) + 0xa282ead8n) & 0xffffffffn);
const value = (event: Message): Message => fields(fields(event.get(5)![0] as Buffer).get(1)![0] as Buffer);

test("crc32c() gives the checksums of RFC 3720", () => {
  assert.equal(crc32c(Buffer.from("123456789")), 0xe3069283);
  assert.equal(crc32c(new Uint8Array(32)), 0x8a9136aa);
  assert.equal(crc32c(new Uint8Array(32).fill(255)), 0x62a8ab43);
});

test("EventWriter writes a version, scalars and images that read back", async () => {
  const folder = await mkdtemp(join(tmpdir(), "ddpm-events-"));
  const writer = await EventWriter.open(folder, 0);
  writer.scalar(1, "loss", 0.5);
  await writer.flush();
  writer.scalar(300_000, "loss", -0.25);
  writer.image(
    2,
    "samples",
    Uint8Array.from({ length: 300 }, (_, i) => i),
    { width: 28, height: 56, channels: 1 },
  );
  await writer.close();
  const [file] = await readdir(folder);
  assert.match(file!, /^events\.out\.tfevents\.\d+\./);
  const [version, first, second, image] = records(await readFile(join(folder, file!))).map(fields) as [Message, Message, Message, Message];
  assert.equal(String(version.get(3)![0]), "brain.Event:2");
  for (const [event, step, number] of [
    [first, 1, 0.5],
    [second, 300_000, -0.25],
  ] as const) {
    assert.deepEqual([event.get(2)![0], String(value(event).get(1)![0]), value(event).get(2)![0]], [step, "loss", number]);
  }
  const picture = fields(value(image).get(4)![0] as Buffer);
  assert.deepEqual([picture.get(1)![0], picture.get(2)![0], (picture.get(4)![0] as Buffer).length], [56, 28, 300]);
  await rm(folder, { recursive: true });
});
