import assert from "node:assert/strict";
import { test } from "node:test";
import { type Comparisons, comparedOf } from "./comparisons.ts";

const measured = (value: number) => ({ value, error: 0.1 });
const model = (name: string, step: number, fid: number) => ({ name, step, parameters: 1234, fid: measured(fid), kid: measured(fid / 10) });
const found: Comparisons = {
  ...{ date: "2026-11-27", machine: "a core", data: "shapes", images: 256, sampler: "ddim", calls: 20 },
  floor: { fid: measured(0), kid: measured(0) },
  comparisons: { losses: [model("l1", 100, 9), model("l1", 200, 7), model("l2", 100, 8), model("l2", 200, 6)] },
};

test("comparedOf() has a row for each model, and FID after each number of steps", () => {
  const lines = comparedOf("losses", found).replaceAll("\u00a0", " ").split("\n");
  assert.deepEqual(lines.slice(0, 4), [
    "|  | parameters | FID, 100 steps | FID, 200 steps | KID, 200 steps |",
    "| --- | ---: | ---: | ---: | ---: |",
    "| l1 | 1,234 | 9.00 ± 0.10 | 7.00 ± 0.10 | 0.70 ± 0.10 |",
    "| l2 | 1,234 | 8.00 ± 0.10 | 6.00 ± 0.10 | 0.60 ± 0.10 |",
  ]);
  assert.match(lines[5]!, /^_2026-11-27, a core: shapes\. 256 pictures/);
});

test("comparedOf() throws where a comparison is not written down", () =>
  assert.throws(() => comparedOf("blocks", found), { message: /^Expected a comparison of blocks in docs\/data\/comparisons\.json but found none/ }));
