import assert from "node:assert/strict";
import { test } from "node:test";
import { evaluationOf } from "./evaluation.ts";

const evaluation = {
  version: 1,
  data: "shapes",
  features: { name: "pixels", size: 64 },
  real: { count: 300, mirrored: false },
  heldOut: true,
  floor: { count: 64, kid: { mean: 0.02, error: 0.03 } },
  results: [{ images: "drawn", distances: { count: 64, kid: { mean: 0.1, error: 0.02 } } }],
  nearness: { count: 64, drawn: 0.2, real: 0.1 },
  sampling: {},
};

const read = (value: unknown) => evaluationOf(JSON.stringify(value), "evaluation.json");
const refused = (value: unknown, message: RegExp) => assert.throws(() => read(value), { name: "SyntaxError", message });

test("an evaluation is read as it was written", () => assert.deepEqual(read(evaluation), evaluation));

test("one of another version is refused by its version, whatever else it holds", () => {
  refused({ version: 2 }, /^evaluation\.json: Expected version to be 1 but found 2; run ddpm evaluate of this version again/);
});

test("one of another shape is refused, with the first place that is otherwise", () => {
  const [result] = evaluation.results;
  refused({ ...evaluation, floor: undefined }, /: Expected floor but found none;/);
  refused({ ...evaluation, results: [] }, /: Expected results to be >=1 but found 0;/);
  refused({ ...evaluation, results: [{ ...result, sampler: "plms" }] }, /: Expected results\.0\.sampler to be \("ddpm" \| .*\) but found "plms";/);
  refused({ ...evaluation, results: [{ ...result, steps: 2.5 }] }, /: Expected results\.0\.steps to be integer but found 2\.5;/);
  refused({ ...evaluation, nearness: { ...evaluation.nearness, drawn: null } }, /: Expected nearness\.drawn to be number but found null;/);
  refused({ ...evaluation, more: 1 }, /: Expected no more but found one;/);
  refused([], /: Expected version but found none;|: Expected Object but found Array;/);
  assert.throws(() => evaluationOf("{", "evaluation.json"), {
    name: "SyntaxError",
    message: /: Expected a whole file of JSON but found a damaged one \(.*\); run ddpm evaluate/,
  });
});
