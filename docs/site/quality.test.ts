import assert from "node:assert/strict";
import { test } from "node:test";
import type { Evaluation } from "@ddpm/cli/evaluation";
import markdownIt from "markdown-it";
import { quality, qualityOf, rowsIn, rowsOf } from "./quality.ts";

const pictures = { model: "notebook", weights: "averaged", sampler: "ddim", steps: 50, samples: 2048, features: "a classifier" } as const;
const kid = { mean: 0.0123456, error: 0.00234 };
const row = { ...pictures, fid: { mean: 12.3456, error: 0.234 }, kid, kidFloor: { mean: -0.00012, error: 0.00034 } };

test("qualityOf() writes numbers to two digits of their error, a dash for what was not measured, and once how far real pictures are apart", () => {
  const [head, marks, line, same, empty, floor, ...more] = qualityOf([row, row]).split("\n");
  assert.match(head!, /^\| model \| drawn by \| pictures \|/);
  assert.equal(marks, "| --- | --- | ---: | ---: | ---: | ---: |");
  assert.equal(line, "| notebook, averaged | ddim, 50 calls | 2,048 | 12.35\u00a0±\u00a00.23 | 0.0123\u00a0±\u00a00.0023 | – |");
  assert.deepEqual([same, empty, more], [line, "", []]);
  assert.equal(floor, "In the features of a classifier, 2,048 real pictures are from the others at FID –, KID −0.00012\u00a0±\u00a00.00034.");
});

test("rowsOf() takes of an evaluation what rowsIn() reads again, and refuses one of pictures", () => {
  const distances = { count: 2048, fid: { plain: 13, unbiased: row.fid }, kid };
  const evaluation: Evaluation = {
    version: 1,
    data: "shapes",
    features: { name: "a classifier", size: 64 },
    real: { count: 10_000, mirrored: false },
    heldOut: true,
    floor: { count: 2048, fid: { plain: 1 }, kid: row.kidFloor },
    results: [{ sampler: "ddim", steps: 50, images: "drawn", distances }],
    nearness: { count: 64, drawn: 0.2, real: 0.1 },
    sampling: {},
  };
  const rows = rowsOf(evaluation, { model: "notebook", weights: "averaged" });
  assert.deepEqual(rows, [row]);
  assert.deepEqual(rowsIn(JSON.stringify(rows), "quality.json"), rows);
  const pictures = { ...evaluation, results: [{ images: "others", distances }] };
  assert.throws(
    () => rowsOf(pictures, { model: "notebook", weights: "averaged" }),
    /Expected pictures that a model drew but found those of others; choose/,
  );
});

test("rowsIn() refuses rows of another shape", () => {
  const { kid: _, ...rest } = row;
  assert.throws(() => rowsIn(JSON.stringify([row, rest]), "quality.json"), {
    name: "SyntaxError",
    message: "quality.json: Expected 1.kid but found none; write it anew with docs/scripts/quality.ts",
  });
});

test("qualityOf() says so where nothing is written down", () => assert.match(qualityOf([]), /^_No evaluation is written down yet/));

test("a quality fence becomes the table, or says so, once", () => {
  const html = markdownIt().use(quality).render("Before\n\n```quality\n```\n");
  assert.equal(html.match(/<em>No evaluation|<table>/g)?.length, 1);
});
