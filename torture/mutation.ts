import { stream, uniforms } from "@ddpm/core/random";

/** Numbers in [0, 1), the same for a seed. */
export type Random = () => number;

export function random(seed: number, input: number): Random {
  let numbers: Float64Array = new Float64Array();
  let [used, part] = [0, 0];
  return () => {
    if (used === numbers.length) [numbers, used] = [uniforms(stream(seed, "start", input, 64 * part++), 256), 0];
    return numbers[used++]!;
  };
}

const below = (draw: Random, n: number): number => Math.floor(draw() * n);

/** Values that lengths, counts and offsets are often not prepared for. */
const extremes = [0, 1, 0x7f, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff];

type Mutation = (bytes: Uint8Array, draw: Random, others: readonly Uint8Array[]) => Uint8Array;

const joined = (...parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));

/** Places near the beginning and the end are likelier: headers and directories are there. */
function place(draw: Random, length: number): number {
  const at = below(draw, Math.min(length, 10 ** (1 + below(draw, 5))));
  return draw() < 0.3 ? Math.max(0, length - 1 - at) : at;
}

const mutations: readonly Mutation[] = [
  (bytes, draw) => {
    const out = bytes.slice();
    for (let n = 1 + below(draw, 8); n > 0 && out.length > 0; n--) out[place(draw, out.length)]! ^= 1 << below(draw, 8);
    return out;
  },
  (bytes, draw) => (bytes.length > 0 ? bytes.with(place(draw, bytes.length), below(draw, 256)) : bytes),
  (bytes, draw) => bytes.slice(0, place(draw, bytes.length)),
  (bytes, draw) => {
    const from = place(draw, bytes.length);
    return joined(bytes.subarray(0, from), bytes.subarray(from + 1 + below(draw, 64)));
  },
  (bytes, draw) => {
    const from = place(draw, bytes.length);
    return joined(bytes.subarray(0, from), bytes.subarray(from, from + 1 + below(draw, 4096)), bytes.subarray(from));
  },
  (bytes, draw) => {
    const at = place(draw, bytes.length);
    return joined(bytes.subarray(0, at), new Uint8Array(1 + below(draw, 64)).fill(draw() < 0.5 ? 0 : 255), bytes.subarray(at));
  },
  (bytes, draw) => {
    if (bytes.length < 8) return bytes;
    const out = bytes.slice();
    const view = new DataView(out.buffer);
    const [at, value, little] = [Math.min(place(draw, bytes.length), bytes.length - 8), extremes[below(draw, extremes.length)]!, draw() < 0.5];
    if (draw() < 0.5) view.setUint32(at, value, little);
    else view.setBigUint64(at, BigInt(value) << BigInt(below(draw, 33)), little);
    return out;
  },
  (bytes, draw, others) => {
    const other = others[below(draw, others.length)]!;
    return joined(bytes.subarray(0, place(draw, bytes.length)), other.subarray(place(draw, other.length)));
  },
];

/** One of `files`, changed in one to three ways. */
export function mutated(files: readonly Uint8Array[], draw: Random): Uint8Array {
  let bytes: Uint8Array = Uint8Array.from(files[below(draw, files.length)]!); // a Buffer would share its slices
  for (let n = 1 + below(draw, 3); n > 0; n--) bytes = mutations[below(draw, mutations.length)]!(bytes, draw, files);
  return bytes;
}

const jsonValues = [
  "null",
  "-1",
  "1e308",
  "9007199254740993",
  '"__proto__"',
  "[]",
  "{}",
  "[".repeat(5000),
  '{"__proto__":1}',
  '""',
  "true",
  "0.5",
  "1e999",
  "8",
  "[1,2]",
];

/** JSON, of which a value or a token is replaced, dropped or put in twice. */
export function mutatedJson(json: string, draw: Random): string {
  const value = (): string => jsonValues[below(draw, jsonValues.length)]!;
  if (draw() < 0.7) return withValue(JSON.parse(json), value(), draw);
  const tokens = json.match(/"(?:[^"\\]|\\.)*"|[\d.eE+-]+|[{}[\],:]|true|false|null/g) ?? [];
  const [at, how] = [below(draw, tokens.length), below(draw, 3)];
  tokens.splice(at, how === 2 ? 0 : 1, ...(how === 0 ? [] : [value()]));
  return tokens.join("");
}

/** JSON of a value of which a part, at any depth, is this text, or is left out. */
function withValue(whole: unknown, text: string, draw: Random): string {
  if (typeof whole !== "object" || whole === null || Object.keys(whole).length === 0) return text;
  const keys = Object.keys(whole);
  const changed = keys[below(draw, keys.length)]!;
  const dropped = draw() < 0.1;
  const parts = Object.entries(whole)
    .filter(([key]) => key !== changed || !dropped)
    .map(([key, part]) => [key, key === changed ? withValue(part, text, draw) : JSON.stringify(part)] as const);
  return Array.isArray(whole)
    ? `[${parts.map(([, part]) => part).join(",")}]`
    : `{${parts.map(([key, part]) => `${JSON.stringify(key)}:${part}`).join(",")}}`;
}

/** A safetensors file whose header's JSON is another. */
export function withHeader(file: Uint8Array, change: (json: string) => string): Uint8Array {
  const end = 8 + new DataView(file.buffer, file.byteOffset).getUint32(0, true);
  const header = Buffer.from(change(Buffer.from(file.subarray(8, end)).toString()));
  const start = Buffer.alloc(8);
  start.writeUInt32LE(header.length);
  return joined(start, header, file.subarray(end));
}
