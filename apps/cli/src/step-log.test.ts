import assert from "node:assert/strict";
import { test } from "node:test";
import { quartileLosses } from "./step-log.ts";

test("quartileLosses() are means over the images whose timestep is in each quarter", () => {
  const t = Int32Array.of(0, 24, 25, 99, 74, 99, 30);
  const losses = Float64Array.of(1, 3, 5, 7, 11, 13, 1000);
  assert.deepEqual(quartileLosses({ t, losses }, 6, 100), { lossQ1: 2, lossQ2: 5, lossQ3: 11, lossQ4: 10 });
});

test("quartileLosses() leaves out quarters without images, whatever T is", () => {
  const losses = Float64Array.of(1, 2, 4);
  assert.deepEqual(quartileLosses({ t: Int32Array.of(0, 1, 2), losses }, 3, 3), { lossQ1: 1, lossQ2: 2, lossQ3: 4 });
  assert.deepEqual(quartileLosses({ t: Int32Array.of(0, 0, 0), losses }, 2, 1), { lossQ1: 1.5 });
});
