/** The safetensors format: 8 bytes of header length, a JSON header with each tensor's dtype, shape and place, then the bytes, little-endian. */
import type { Numbers } from "./backend.ts";
import { type Shape, size } from "./shape.ts";

/** A tensor as a file holds it: floats of any width as float32, integers as int32, row-major. */
export interface StoredTensor {
  readonly shape: Shape;
  readonly dtype: StoredDtype;
  readonly data: Float32Array | Int32Array;
}

/** What a safetensors file holds: tensors by name, and texts. */
export interface SafetensorsFile {
  readonly tensors: Map<string, StoredTensor>;
  readonly metadata: Record<string, string>;
}

/** How tensors are written. */
export interface EncodeOptions {
  /** How floats are written; integers are always I32. */
  readonly dtype?: "F32" | "F16" | "BF16";
}

/** The dtypes that can be read. */
export type StoredDtype = "F32" | "F16" | "BF16" | "F64" | "I32" | "I64";

interface Reader {
  /** Bytes of a number. */
  readonly width: number;
  /** Undefined where a number has no place in the result. */
  readonly read: (buffer: ArrayBuffer) => Float32Array | Int32Array | undefined;
}

/** How each dtype is read from a copy of its bytes. F64 is rounded to float32; an I64 beyond 32 bits is an error. */
const readers: { readonly [D in StoredDtype]: Reader } = {
  F32: { width: 4, read: (buffer) => new Float32Array(buffer) },
  F16: { width: 2, read: (buffer) => Float32Array.from(new Uint16Array(buffer), fromHalf) },
  BF16: { width: 2, read: (buffer) => new Float32Array(Uint32Array.from(new Uint16Array(buffer), (x) => x << 16).buffer) },
  F64: { width: 8, read: (buffer) => Float32Array.from(new Float64Array(buffer)) },
  I32: { width: 4, read: (buffer) => new Int32Array(buffer) },
  I64: { width: 8, read: narrow },
};

/** Reads a safetensors file. Throws a SyntaxError that names the tensor and what is wrong with it where the bytes are not such a file. */
export function decode(bytes: Uint8Array): SafetensorsFile {
  const { header, start } = headerOf(bytes);
  const { __metadata__: metadata = {}, ...entries } = header;
  const strings = isRecord(metadata) && Object.values(metadata).every((value) => typeof value === "string");
  if (!strings) throw new SyntaxError("Expected __metadata__ of a safetensors file to hold strings but found something else; save the file again");
  const found = Object.entries(entries).map(([name, value]) => entryOf(name, value));
  checkOffsets(found, bytes.length - start);
  const tensors = new Map(found.map((entry) => [entry.name, tensorOf(entry, bytes.subarray(start))]));
  return { tensors, metadata: metadata as Record<string, string> };
}

/**
 * Writes a safetensors file; equal tensors and metadata give equal bytes, in whatever order they come.
 * Throws a RangeError where data and shape differ in size or a number is beyond F16, a TypeError for the reserved name `__metadata__`.
 */
export function encode(
  tensors: ReadonlyMap<string, { readonly shape: Shape; readonly data: Numbers }>,
  metadata: Readonly<Record<string, string>> = {},
  { dtype = "F32" }: EncodeOptions = {},
): Uint8Array {
  const written = [...tensors].map(([name, { shape, data }]) => ({ name, shape, ...bytesOf(name, shape, data, dtype) }));
  written.sort((a, b) => readers[b.dtype].width - readers[a.dtype].width || order(a.name, b.name)); // Widest first keeps all aligned
  let end = 0;
  const entries = written.map(({ name, shape, dtype, bytes }) => {
    const data_offsets = [end, end + bytes.length];
    end += bytes.length;
    return `${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets })}`;
  });
  const strings = Object.entries(metadata).sort(([a], [b]) => order(a, b));
  if (strings.length) entries.unshift(`"__metadata__":{${strings.map((pair) => pair.map((text) => JSON.stringify(text)).join(":")).join(",")}}`);
  return assemble(
    `{${entries.join(",")}}`,
    written.map(({ bytes }) => bytes),
  );
}

interface Entry {
  readonly name: string;
  readonly dtype: StoredDtype;
  readonly shape: Shape;
  readonly begin: number;
  readonly end: number;
}

// Every runtime has these; the language's own library does not declare them
const text = globalThis as unknown as {
  readonly TextDecoder: new (label: string, options: { fatal: boolean; ignoreBOM: boolean }) => { decode(bytes: Uint8Array): string };
  readonly TextEncoder: new () => { encode(text: string): Uint8Array };
};

/** The format's own limit, bytes. */
const longestHeader = 100e6;

function headerOf(bytes: Uint8Array): { header: Record<string, unknown>; start: number } {
  if (bytes.length < 8) throw new SyntaxError(`Expected a safetensors file but found ${bytes.length} bytes; fetch or save it again`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, 8);
  const length = view.getUint32(0, true) + view.getUint32(4, true) * 2 ** 32;
  if (length > bytes.length - 8 || length > longestHeader) {
    throw new SyntaxError(
      `Expected a safetensors header of at most ${Math.min(bytes.length - 8, longestHeader)} bytes but found a length of ${length}: ` +
        "the file is cut short or of another format; fetch or save it again",
    );
  }
  const header = jsonOf(bytes.subarray(8, 8 + length));
  if (!isRecord(header))
    throw new SyntaxError("Expected the safetensors header to be a JSON object but found another value; fetch or save the file again");
  return { header, start: 8 + length };
}

function jsonOf(bytes: Uint8Array): unknown {
  let value: unknown;
  let json: string;
  try {
    json = new text.TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    value = JSON.parse(json);
  } catch (cause) {
    throw new SyntaxError(
      "Expected the safetensors header to be JSON but found something else: the file is damaged or of another format; fetch or save it again",
      { cause },
    );
  }
  checkUnique(json);
  return value;
}

/** Levels of a header: itself, a tensor, its shape. */
const deepest = 3;

/** Throws where valid JSON is deeper than a header, and where an object of it has a key twice, of which JSON.parse would silently keep the last. */
function checkUnique(json: string): void {
  const open: Set<string>[] = [];
  for (let i = 0; i < json.length; i++) {
    if (json[i] === "{" || json[i] === "[") open.push(new Set());
    if (open.length > deepest)
      throw new SyntaxError(`Expected a safetensors header of at most ${deepest} levels but found more; fetch or save the file again`);
    if (json[i] === "}" || json[i] === "]") open.pop();
    else if (json[i] === '"') {
      const start = i;
      while (json[++i] !== '"') if (json[i] === "\\") i++;
      if (!isKey(json, i + 1)) continue;
      const key = JSON.parse(json.slice(start, i + 1)) as string;
      if (open.at(-1)!.has(key))
        throw new SyntaxError(`Expected ${quoted(key)} once in the safetensors header but found it twice; save the file again`);
      open.at(-1)!.add(key);
    }
  }
}

function isKey(json: string, after: number): boolean {
  while (" \t\r\n".includes(json[after] ?? "x")) after++;
  return json[after] === ":";
}

function entryOf(name: string, value: unknown): Entry {
  const { dtype, shape, data_offsets: offsets } = isRecord(value) ? value : {};
  const wrong = (expected: string, found: unknown): SyntaxError =>
    new SyntaxError(`Expected tensor ${quoted(name)} to have ${expected} but found ${JSON.stringify(found)?.slice(0, 80)}; save it anew`);
  if (typeof dtype !== "string" || !Object.hasOwn(readers, dtype)) throw wrong(`a dtype among ${Object.keys(readers).join(", ")}`, dtype);
  if (!isNaturals(shape)) throw wrong("a shape of non-negative integers", shape);
  if (!isNaturals(offsets) || offsets.length !== 2) throw wrong("data_offsets [begin, end]", offsets);
  const [begin, end] = offsets as [number, number];
  const bytes = size(shape) * readers[dtype as StoredDtype].width;
  if (end - begin !== bytes) throw wrong(`${bytes} bytes for ${dtype} of shape [${shape}]`, end - begin);
  return { name, dtype: dtype as StoredDtype, shape, begin, end };
}

/** The format has neither gaps nor overlaps, and nothing after the last tensor. */
function checkOffsets(entries: readonly Entry[], length: number): void {
  let at = 0;
  for (const { name, begin, end } of [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    const kind = begin < at ? "overlaps the one before" : begin > at ? "leaves a gap before it" : "ends after the file does";
    if (begin !== at || end > length) {
      throw new SyntaxError(
        `Expected tensor ${quoted(name)} to lie in bytes ${at} to ${length} but found ${begin} to ${end}: it ${kind}; save it again`,
      );
    }
    at = end;
  }
  if (at !== length)
    throw new SyntaxError(`Expected ${at} bytes of tensors but found ${length}: the file has something after its last tensor; save it again`);
}

function tensorOf({ name, dtype, shape, begin, end }: Entry, bytes: Uint8Array): StoredTensor {
  const data = readers[dtype].read(new Uint8Array(bytes.subarray(begin, end)).buffer);
  if (!data) throw new SyntaxError(`Expected tensor ${quoted(name)} to hold integers of 32 bits but found a larger I64; save it as I32`);
  return { shape, dtype, data };
}

/** The low words of 64-bit integers, unless one of them does not fit. */
function narrow(buffer: ArrayBuffer): Int32Array | undefined {
  const words = new Int32Array(buffer);
  const low = Int32Array.from({ length: words.length / 2 }, (_, i) => words[2 * i]!);
  return low.every((x, i) => words[2 * i + 1] === x >> 31) ? low : undefined;
}

function bytesOf(name: string, shape: Shape, data: Numbers, dtype: "F32" | "F16" | "BF16"): { dtype: StoredDtype; bytes: Uint8Array } {
  if (name === "__metadata__") throw new TypeError("Expected a tensor's name but found __metadata__, which the format reserves; use another name");
  if (!isNaturals(shape) || size(shape) !== data.length) {
    throw new RangeError(
      `Expected ${size(shape)} values for tensor ${quoted(name)} of shape [${shape}] but found ${data.length}; give the shape of the data`,
    );
  }
  if (data instanceof Int32Array) return { dtype: "I32", bytes: raw(data) };
  if (dtype === "BF16") return { dtype, bytes: raw(Uint16Array.from(data, toBrain)) };
  if (dtype === "F32") return { dtype, bytes: raw(data instanceof Float32Array ? data : Float32Array.from(data)) };
  const large = data.find((x) => Math.abs(x) >= 65520 && Math.abs(x) < Infinity);
  if (large !== undefined)
    throw new RangeError(`Expected numbers below 65520 for F16 but found ${large} in tensor ${quoted(name)}; write BF16 or F32`);
  return { dtype, bytes: raw(Uint16Array.from(data, toHalf)) };
}

function assemble(header: string, parts: readonly Uint8Array[]): Uint8Array {
  const json = new text.TextEncoder().encode(header);
  const start = Math.ceil((8 + json.length) / 8) * 8;
  const file = new Uint8Array(parts.reduce((n, part) => n + part.length, start));
  new DataView(file.buffer).setUint32(0, start - 8, true);
  file.fill(0x20, 8, start).set(json, 8);
  let at = start;
  for (const part of parts) {
    file.set(part, at);
    at += part.length;
  }
  return file;
}

function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return exponent ? sign * (1 + fraction / 1024) * 2 ** (exponent - 15) : sign * fraction * 2 ** -24;
}

const float = new Float32Array(1);
const word = new Uint32Array(float.buffer);

/** IEEE 754 half, rounded to nearest, ties to even. */
function toHalf(x: number): number {
  float[0] = x;
  const sign = (word[0]! >>> 16) & 0x8000;
  const magnitude = Math.abs(float[0]!);
  if (Number.isNaN(x)) return sign | 0x7e00;
  if (magnitude >= 65520) return sign | 0x7c00;
  if (magnitude < 2 ** -14) return sign | (magnitude * 2 ** 24 + 2 ** 52 - 2 ** 52); // A sum beyond 2^52 rounds to integers
  const bits = word[0]! & 0x7fffffff;
  return sign | ((bits - 0x38000000 + 0xfff + ((bits >>> 13) & 1)) >>> 13);
}

/** The upper half of a float32, rounded to nearest, ties to even. */
function toBrain(x: number): number {
  float[0] = x;
  const bits = word[0]!;
  return Number.isNaN(x) ? (bits >>> 16) | 0x40 : (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}

const raw = (x: ArrayBufferView): Uint8Array => new Uint8Array(x.buffer, x.byteOffset, x.byteLength);

/** A name from a file, made fit for one line of a message. */
export const quoted = (name: string): string => JSON.stringify(name).slice(1, -1).slice(0, 80);

const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

const isRecord = (x: unknown): x is Record<string, unknown> => typeof x === "object" && x !== null && !Array.isArray(x);

const isNaturals = (x: unknown): x is number[] => Array.isArray(x) && x.every((n) => Number.isSafeInteger(n) && n >= 0);
