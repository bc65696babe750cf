export interface Idx {
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

/** Reads MNIST's idx format of unsigned bytes: 0, 0, 8, the number of axes, their lengths as big-endian int32, the bytes. Throws a SyntaxError. */
export function decodeIdx(bytes: Uint8Array): Idx {
  const axes = bytes[3] ?? 0;
  const header = 4 + 4 * axes;
  if (bytes[0] !== 0 || bytes[1] !== 0 || bytes[2] !== 8 || axes === 0) {
    const start = [...bytes.subarray(0, 4)].join(" ") || "nothing";
    throw new SyntaxError(`Expected an idx file of bytes, which starts with 0 0 8 and the number of axes, but found ${start}`);
  }
  if (bytes.length < header)
    throw new SyntaxError(`Expected an idx header of ${header} bytes but found ${bytes.length} bytes; the file is truncated`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const shape = Array.from({ length: axes }, (_, i) => view.getUint32(4 + 4 * i));
  const expected = shape.reduce((a, b) => a * b, 1);
  const found = bytes.length - header;
  if (found !== expected) {
    const remark = found < expected ? "truncated" : "too long";
    throw new SyntaxError(`Expected ${expected} bytes for an idx of [${shape.join(", ")}] but found ${found}; the file is ${remark}`);
  }
  return { shape, data: bytes.subarray(header) };
}
