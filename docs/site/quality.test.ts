import assert from "node:assert/strict";
import { test } from "node:test";
import markdownIt from "markdown-it";
import { quality, qualityOf } from "./quality.ts";

test("qualityOf() writes numbers to two digits of their error, a dash for what was not measured, and once how far real pictures are apart", () => {
  const evaluation = { model: "notebook", weights: "averaged", sampler: "ddim", steps: 50, samples: 2048, features: "a classifier" };
  const found = { ...evaluation, fid: { value: 12.3456, error: 0.234 }, kid: { value: 0.0123456 }, fidFloor: { value: -0.0134, error: 0.0158 } };
  const [head, marks, row, same, empty, floor, ...more] = qualityOf([found, found]).split("\n");
  assert.match(head!, /^\| model \| drawn by \| pictures \|/);
  assert.equal(marks, "| --- | --- | ---: | ---: | ---: | ---: |");
  assert.equal(row, "| notebook, averaged | ddim, 50 calls | 2,048 | 12.35\u00a0±\u00a00.23 | 0.0123 | – |");
  assert.deepEqual([same, empty, more], [row, "", []]);
  assert.equal(floor, "In the features of a classifier, 2,048 real pictures are from the others at FID −0.013\u00a0±\u00a00.016, KID –.");
});

test("qualityOf() says so where nothing is written down", () => assert.match(qualityOf([]), /^_No evaluation is written down yet/));

test("a quality fence becomes the table, or says so, once", () => {
  const html = markdownIt().use(quality).render("Before\n\n```quality\n```\n");
  assert.equal(html.match(/<em>No evaluation|<table>/g)?.length, 1);
});
