import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { golden } from "../test/golden.ts";
import { decode, encode } from "./safetensors.ts";

/** A file of this header and this many zero bytes. */
function file(header: unknown, bytes = 0): Uint8Array {
  const json = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const out = new Uint8Array(8 + json.length + bytes);
  new DataView(out.buffer).setBigUint64(0, BigInt(json.length), true);
  out.set(json, 8);
  return out;
}

/** A file of one tensor `x` with these bytes. */
function fileOf(dtype: string, shape: number[], view: ArrayBufferView): Uint8Array {
  const out = file({ x: { dtype, shape, data_offsets: [0, view.byteLength] } }, view.byteLength);
  out.set(new Uint8Array(view.buffer, view.byteOffset, view.byteLength), out.length - view.byteLength);
  return out;
}

const read = (dtype: string, view: ArrayBufferView & { length: number }): number[] => [
  ...decode(fileOf(dtype, [view.length], view)).tensors.get("x")!.data,
];

const tensors = fc
  .dictionary(
    fc.string({ unit: "binary" }).filter((name) => name !== "__metadata__"),
    fc.oneof(
      fc.float32Array({ maxLength: 12 }).map((data) => ({ shape: [data.length], data })),
      fc.int32Array({ minLength: 2, maxLength: 2 }).map((data) => ({ shape: [1, 2], data })),
    ),
  )
  .map((record) => new Map(Object.entries(record)));
const metadata = fc.dictionary(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }));

test("decode() reads what PyTorch wrote", () => {
  const { tensors, metadata } = decode(golden("unet-rgb.safetensors"));
  assert.deepEqual(tensors.get("param.init_conv.weight")?.shape, [10, 3, 7, 7]);
  assert.equal(tensors.get("t")?.dtype, "I32");
  assert.ok(tensors.get("t")?.data instanceof Int32Array);
  assert.equal((JSON.parse(metadata["golden"]!) as { schedule: string }).schedule, "cosine");
});

test("decode() of encode() gives back names, shapes, values and metadata", () => {
  fc.assert(
    fc.property(tensors, metadata, (tensors, metadata) => {
      const found = decode(encode(tensors, metadata));
      assert.deepEqual(Object.entries(found.metadata).sort(), Object.entries(metadata).sort());
      assert.equal(found.tensors.size, tensors.size);
      for (const [name, { shape, data }] of tensors) {
        assert.deepEqual(found.tensors.get(name), { shape, data, dtype: data instanceof Int32Array ? "I32" : "F32" });
      }
    }),
  );
});

test("encode() gives equal bytes whatever the order, with an aligned header", () => {
  fc.assert(
    fc.property(tensors, metadata, (tensors, metadata) => {
      const bytes = encode(tensors, metadata);
      assert.deepEqual(encode(new Map([...tensors].reverse()), Object.fromEntries(Object.entries(metadata).reverse())), bytes);
      assert.equal(new DataView(bytes.buffer).getUint32(0, true) % 8, 0);
    }),
  );
});

test("decode() of random bytes throws nothing but a SyntaxError", () => {
  const refuses = (bytes: Uint8Array): void => {
    try {
      decode(bytes);
    } catch (error) {
      assert.ok(error instanceof SyntaxError, String(error));
      assert.ok(!error.message.includes("\n"), error.message);
    }
  };
  fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), refuses), { numRuns: 500 });
  fc.assert(
    fc.property(fc.json(), (json) => refuses(file(json, 4))),
    { numRuns: 500 },
  );
  const entry = fc.record({
    dtype: fc.constantFrom("F32", "I64", "U8"),
    shape: fc.array(fc.integer({ min: -1, max: 3 })),
    data_offsets: fc.array(fc.nat(9)),
  });
  fc.assert(
    fc.property(fc.dictionary(fc.string(), entry), fc.nat(16), (header, n) => refuses(file(header, n))),
    { numRuns: 500 },
  );
});

test("decode() of a file with one byte changed, or cut short, gives tensors or a SyntaxError", () => {
  const whole = encode(
    new Map([
      ["weight", { shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) }],
      ["b", { shape: [], data: Int32Array.of(7) }],
    ]),
    { a: "é" },
  );
  for (let i = 0; i < whole.length; i++) {
    for (let value = 0; value < 256; value++) {
      try {
        decode(whole.with(i, value));
      } catch (error) {
        assert.ok(error instanceof SyntaxError, `byte ${i} = ${value}: ${error}`);
      }
    }
    assert.throws(() => decode(whole.subarray(0, i)), SyntaxError);
  }
});

test("decode() says what is wrong with which tensor", () => {
  const f32 = (begin: number, end: number, shape: unknown = [1]) => ({ dtype: "F32", shape, data_offsets: [begin, end] });
  const cases: [Uint8Array, RegExp][] = [
    [new Uint8Array(7), /^Expected a safetensors file but found 7 bytes; fetch or save it again$/],
    [new Uint8Array(16).fill(255), /at most 8 bytes but found a length of 18446744073709552000: .*; fetch or save it again$/],
    [file("[]"), /Expected the safetensors header to be a JSON object but found another value; fetch or save the file again$/],
    [file("{"), /Expected the safetensors header to be JSON but found something else: .*; fetch or save it again$/],
    [file("[".repeat(1e5)), /to be JSON/],
    [file({ w: { ...f32(0, 4), deeper: { than: [1] } } }, 4), /header of at most 3 levels but found more; fetch or save the file again$/],
    [file({ __metadata__: { a: 1 } }), /Expected __metadata__ of a safetensors file to hold strings but found something else; save the file again$/],
    [file({ w: 5 }), /tensor w to have a dtype among F32, .* but found undefined; save it anew$/],
    [file({ w: { ...f32(0, 1), dtype: "F8_E4M3" } }, 1), /tensor w .* F32, F16, .* but found "F8_E4M3"/],
    [file({ w: { ...f32(0, 4), dtype: "toString" } }, 4), /tensor w .*dtype/],
    [file({ w: f32(0, 4, [-1]) }, 4), /tensor w to have a shape of non-negative integers but found \[-1\]; save it anew$/],
    [file({ w: f32(0, 4, [2 ** 53]) }, 4), /tensor w to have a shape/],
    [file({ w: f32(0, 4, [1e15, 1e15]) }, 4), /tensor w to have 4e\+30 bytes/],
    [file({ w: f32(0, 8) }, 8), /tensor w to have 4 bytes for F32 of shape \[1\] but found 8; save it anew$/],
    [file({ w: { ...f32(0, 4), data_offsets: [0] } }, 4), /tensor w to have data_offsets \[begin, end\] but found \[0\]; save it anew$/],
    [file({ w: f32(0, 4) }, 2), /tensor w to lie in bytes 0 to 2 but found 0 to 4: it ends after the file does; save it again$/],
    [file({ v: f32(0, 4), w: f32(0, 4) }, 4), /tensor w .*overlaps/],
    [file({ v: f32(0, 4), w: f32(8, 12) }, 12), /tensor w .*gap/],
    [file({ w: f32(0, 4) }, 5), /Expected 4 bytes of tensors but found 5: the file has something after its last tensor; save it again$/],
    [
      file(`{"w":${JSON.stringify(f32(0, 4))},"\\u0077":${JSON.stringify(f32(0, 4))}}`, 4),
      /Expected w once in the safetensors header but found it twice; save the file again$/,
    ],
    [fileOf("I64", [1], BigInt64Array.of(2n ** 31n)), /tensor x to hold integers of 32 bits but found a larger I64; save it as I32$/],
  ];
  for (const [bytes, message] of cases) assert.throws(() => decode(bytes), { name: "SyntaxError", message });
});

test("decode() widens halves and narrows doubles and long integers", () => {
  const halves = Uint16Array.of(0x3c00, 0xc000, 0x0001, 0x03ff, 0x0400, 0x7bff, 0x7c00, 0xfc00, 0x3555, 0x8000);
  const expected = [1, -2, 2 ** -24, 1023 * 2 ** -24, 2 ** -14, 65504, Infinity, -Infinity, 0.333251953125, -0];
  assert.deepEqual(read("F16", halves), expected);
  assert.ok(Number.isNaN(read("F16", Uint16Array.of(0x7e01))[0]));
  assert.deepEqual(read("BF16", Uint16Array.of(0x3f80, 0xc000, 0x7f80)), [1, -2, Infinity]);
  assert.deepEqual(read("F64", Float64Array.of(0.1)), [Math.fround(0.1)]);
  assert.deepEqual(read("I64", BigInt64Array.of(-1n, 2n ** 31n - 1n, -(2n ** 31n))), [-1, 2 ** 31 - 1, -(2 ** 31)]);
});

test("decode() reads from an odd place of a larger buffer", () => {
  const bytes = encode(new Map([["x", { shape: [2], data: Float32Array.of(1, 2) }]]));
  const larger = new Uint8Array(bytes.length + 3);
  larger.set(bytes, 3);
  assert.deepEqual([...decode(larger.subarray(3)).tensors.get("x")!.data], [1, 2]);
});

test("encode() rounds to F16 and BF16 to nearest, ties to even, and keeps what these can hold", () => {
  const through = (dtype: "F16" | "BF16", ...x: number[]): number[] => [
    ...decode(encode(new Map([["x", { shape: [x.length], data: Float32Array.from(x) }]]), {}, { dtype })).tensors.get("x")!.data,
  ];
  assert.deepEqual(through("F16", 1 + 2 ** -11, 1 + 3 * 2 ** -11, 65519, 2 ** -25, 3 * 2 ** -25, -Infinity, NaN), [
    1,
    1 + 2 ** -9,
    65504,
    0,
    2 ** -23,
    -Infinity,
    NaN,
  ]);
  assert.deepEqual(through("BF16", 1 + 2 ** -8, 1 + 3 * 2 ** -8, NaN, Infinity), [1, 1 + 2 ** -6, NaN, Infinity]);
  for (const dtype of ["F16", "BF16"] as const) {
    const all = Uint16Array.from({ length: 65536 }, (_, i) => i);
    const values = read(dtype, all);
    assert.deepEqual(through(dtype, ...values.slice(0, 0x7c00)), values.slice(0, 0x7c00));
    assert.deepEqual(through(dtype, ...values.slice(0x8000, 0xfc00)), values.slice(0x8000, 0xfc00));
  }
});

test("encode() refuses wrong sizes, the reserved name and numbers that F16 lacks", () => {
  const one = (name: string, shape: number[], value: number) => new Map([[name, { shape, data: Float32Array.of(value) }]]);
  assert.throws(() => encode(one("x", [2], 1)), {
    name: "RangeError",
    message: /Expected 2 values for tensor x of shape \[2\] but found 1; give the shape of the data$/,
  });
  assert.throws(() => encode(one("__metadata__", [1], 1)), {
    name: "TypeError",
    message: /found __metadata__, which the format reserves; use another name$/,
  });
  assert.throws(() => encode(one("x", [1], 65520), {}, { dtype: "F16" }), {
    name: "RangeError",
    message: /Expected numbers below 65520 for F16 but found 65520 in tensor x; write BF16 or F32$/,
  });
});
