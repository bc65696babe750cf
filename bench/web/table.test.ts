import assert from "node:assert/strict";
import { test } from "node:test";
import type { ContenderKey } from "./contenders.ts";
import type { Measured } from "./rounds.ts";
import { tables } from "./table.ts";

const begun = { seconds: 1, threads: undefined, draws: 7, links: 3, textureBytes: 3 * 2 ** 20 };
const record = (scale: number, links = 3): Measured => ({
  first: [scale],
  one: [2 * scale, 4 * scale],
  four: [5 * scale],
  differences: [1e-7, 3e-6],
  begun: { one: { ...begun, links }, four: { ...begun, links: 1 } },
  later: begun,
});
const measured = (...records: [ContenderKey, Measured][]) => ({ measured: new Map(records), skipped: ["onnxruntime-web wasm skipped: gone"] });

test("tables() shows ratios to plain tfjs on the same device, and what WebGL did", () => {
  const text = tables(measured(["webgl", record(0.5)], ["plain-webgl", record(1)]), 1);
  assert.match(text, /\| ours webgl \| 500 ms .*\| 0\.50× \| 1\.50 s .*\| 0\.50× \|.*\| 0\.50× \|\n/);
  assert.match(text, /\| plain tfjs-webgl \| 1\.00 s .*\| 1 \|/);
  assert.match(text, /\| ours webgl \| 7 \| 3 \| 1 \| 3\.0 MiB \| 3\.0 MiB \| – \| 3\.0e-6 \|/);
  assert.match(text, /onnxruntime-web wasm skipped: gone/);
});

test("tables() leaves out ratios without plain tfjs, and WebGL's columns where it was not used", () => {
  const text = tables(measured(["wasm", record(1, 0)]), 1);
  assert.match(text, /\| ours wasm \| 1\.00 s .*\| – \|/);
  assert.match(text, /\| ours wasm \| – \| – \| – \| – \| – \| – \| 3\.0e-6 \|/);
});
