import assert from "node:assert/strict";
import { test } from "node:test";
import type { Result } from "./measure.ts";
import { median, pairedRatio, quantile, table } from "./report.ts";
import { sections } from "./sections.ts";

test("quantile() interpolates between the sorted values", () => {
  assert.equal(quantile([4, 1, 3, 2], 0.25), 1.75);
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(quantile([7], 0.75), 7);
});

test("pairedRatio() compares within a round, so that a slow round does not count twice", () => {
  assert.equal(pairedRatio([2, 20, 2], [1, 10, 1]), 2);
});

test("table() leaves ratios out where the base is missing, and tells why", () => {
  const result: Result = { measured: [{ contender: "b", values: [2] }], skipped: ["a skipped: gone"], versions: {} };
  assert.match(table(sections.train, result, "a"), /\| b \| 2\.00 s \| 2\.00 s – 2\.00 s \| 64\.0 \| – \|\n\na skipped: gone/);
});

test("table() shows the base as 1 and the others as multiples of it", () => {
  const measured = [
    { contender: "a", values: [1, 2] },
    { contender: "b", values: [3, 6] },
  ];
  const text = table(sections.memory, { measured, skipped: [], versions: {} }, "a");
  assert.match(text, /\| a \|.*\| 1 \|\n\| b \|.*\| 3\.00× \|/);
});
