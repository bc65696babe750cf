import assert from "node:assert/strict";
import { test } from "node:test";
import { goldenJson } from "../test/golden.ts";
import { normals, type Purpose, permutation, philox, purposes, type Stream, stream, uniforms } from "./random.ts";

interface Case {
  key: string;
  counter: [string, string];
  n: number;
  uint32: number[];
  uniform: number[];
  normal: number[];
}
interface Large {
  key: string;
  counter: [string, string];
  n: number;
  mean: number;
  std: number;
  at: Record<string, number>;
}

const recorded = goldenJson<{ cases: Case[]; large: Large }>("philox.json");
const halves = (word: string): number[] => [Number(BigInt.asIntN(32, BigInt(word))), Number(BigInt.asIntN(32, BigInt(word) >> 32n))];
const streamOf = ({ key, counter }: { key: string; counter: [string, string] }): Stream => Int32Array.from([key, ...counter].flatMap(halves));

for (const golden of recorded.cases) {
  test(`numbers of key ${golden.key} and counter ${golden.counter} equal TensorFlow's`, () => {
    const source = streamOf(golden);
    assert.deepEqual([...philox(source, golden.n)], golden.uint32);
    near(uniforms(source, golden.n), golden.uniform, 1e-7);
    near(normals(source, golden.n), golden.normal, 1e-6);
  });
}

test("a hundred thousand normals equal TensorFlow's", () => {
  const { large } = recorded;
  const values = normals(streamOf(large), large.n);
  for (const [i, expected] of Object.entries(large.at)) near([values[Number(i)]!], [expected], 1e-6);
  const mean = values.reduce((a, b) => a + b, 0) / large.n;
  const std = Math.sqrt(values.reduce((a, x) => a + (x - mean) ** 2, 0) / large.n);
  near([mean, std], [large.mean, large.std], 1e-6);
});

test("stream() with an offset goes on where the blocks before it end", () => {
  const [whole, tail] = [stream(7, "noise", 3), stream(7, "noise", 3, 5)];
  assert.deepEqual(philox(whole, 40).slice(20), philox(tail, 20));
  assert.deepEqual(normals(whole, 40).slice(20), normals(tail, 20));
});

test("the counter carries into its next word", () => {
  assert.deepEqual(philox(stream(1, "noise", 0, 2 ** 32 - 1), 8).slice(4), philox(stream(1, "noise", 0, 2 ** 32), 4));
  const carried = philox(Int32Array.of(1, 4, -1, -1, -1, 0), 8).slice(4);
  assert.deepEqual(carried, philox(Int32Array.of(1, 4, 0, 0, 0, 1), 4));
});

test("streams of other seeds, purposes and steps differ", () => {
  const byPurpose = Object.keys(purposes).map((purpose) => stream(0, purpose as Purpose));
  const sources = [...byPurpose, stream(1, "noise"), stream(0, "noise", 1), stream(2 ** 32 - 1, "noise")];
  assert.equal(new Set(sources.map((source) => philox(source, 1)[0])).size, sources.length);
});

test("an odd count is a prefix of a longer one", () => {
  const source = stream(3, "start");
  for (const draw of [philox, uniforms, normals]) assert.deepEqual([...draw(source, 7)], [...draw(source, 12)].slice(0, 7));
  assert.equal(normals(source, 0).length, 0);
});

test("permutation() has every number once, in another order for another stream", () => {
  const order = permutation(stream(0, "order"), 1000);
  assert.deepEqual(
    [...order].sort((a, b) => a - b),
    Array.from({ length: 1000 }, (_, i) => i),
  );
  assert.notDeepEqual(order, permutation(stream(0, "order", 1), 1000));
  assert.deepEqual([...permutation(stream(0, "order"), 1)], [0]);
});

test("stream() refuses a seed or a step that is not an integer of 32 bits", () => {
  for (const x of [-1, 0.5, 2 ** 32, Number.NaN]) {
    assert.throws(() => stream(x, "noise"), { name: "RangeError", message: /Expected seed to be an integer in \[0, 2\^32\) but found/ });
    assert.throws(() => stream(0, "noise", x), { name: "RangeError", message: /Expected step to be an integer in \[0, 2\^32\) but found/ });
  }
});

function near(found: ArrayLike<number>, expected: readonly number[], tolerance: number): void {
  assert.equal(found.length, expected.length);
  for (const [i, x] of expected.entries()) assert.ok(Math.abs(found[i]! - x) <= tolerance, `[${i}]: ${found[i]} for ${x}`);
}
