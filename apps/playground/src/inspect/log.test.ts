import assert from "node:assert/strict";
import { test } from "node:test";
import { lossesOf } from "./log.ts";

test("a log's losses by step, without a last line that is still being written", () => {
  const text = '{"step":1,"loss":0.5,"more":2}\n{"step":3,"loss":0.25}\n{"step":4,"lo';
  assert.deepEqual(lossesOf(text), { steps: [1, 3], losses: [0.5, 0.25] });
});

test("lines that are none of a log, and steps that go back, are named", () => {
  assert.throws(() => lossesOf('{"step":1'), /Expected a line for each step but found none; choose the log\.jsonl of a run that has made a step/);
  for (const line of ['{"step":1}', "null", "7", '{"step":1.5,"loss":1}', '{"step":2,"loss":null}', "no JSON"])
    assert.throws(
      () => lossesOf(`{"step":1,"loss":1}\n${line}\n`),
      ({ message }) => message === `Expected numbers "step" and "loss" as JSON in line 2 but found ${line}; choose the log.jsonl of a run folder`,
    );
  const back = '{"step":5,"loss":1}\n{"step":5,"loss":1}\n';
  assert.throws(() => lossesOf(back), /Expected steps that rise but found step 5 after 5 in line 2; choose the log\.jsonl of one run/);
});
