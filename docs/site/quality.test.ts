import assert from "node:assert/strict";
import { test } from "node:test";
import { tableOf } from "./quality.ts";

test("tableOf() writes numbers to two digits of their error, and a dash for what was not measured", () => {
  const evaluation = { model: "notebook", weights: "averaged", sampler: "ddim", steps: 50, samples: 2048, features: "classifier" };
  const [head, , row, ...more] = tableOf([{ ...evaluation, fid: { value: 12.3456, error: 0.234 }, kid: { value: 0.0123456 } }]).split("\n");
  assert.match(head!, /^\| model \| drawn by \| pictures \|/);
  assert.equal(row, "| notebook, averaged | ddim, 50 calls | 2,048 | classifier | 12.35 ± 0.23 | – | 0.0123 | – | – |");
  assert.deepEqual(more, []);
});

test("tableOf() says so where nothing is written down", () => assert.match(tableOf([]), /^_No evaluation is written down yet/));
