import assert from "node:assert/strict";
import { test } from "node:test";
import { linesOf, textsOf } from "../../test/svg.ts";
import { boundFigure, summarise } from "./bound-figure.ts";

test("a bound is the prior and each stratum's term as often as it has timesteps, with the error of the images' mean", () => {
  const found = summarise({
    prior: Float64Array.of(0.5, 0.5),
    strata: [
      { first: 0, length: 1 },
      { first: 1, length: 3 },
    ],
    terms: [Float64Array.of(1, 2), Float64Array.of(0.1, 0.5)],
  });
  assert.equal(found.images, 2);
  assert.deepEqual(
    [found.bits.mean, found.bits.error].map((x) => x.toFixed(9)),
    ["2.900000000", "1.100000000"],
  ); // 1.8 and 4.0
  assert.equal(found.decoder?.mean, 1.5);
  assert.equal(found.strata[1]!.bits.mean, 0.3);
});

test("without t = 0 apart the decoder is not told", () => {
  const found = summarise({ prior: Float64Array.of(0, 0), strata: [{ first: 0, length: 4 }], terms: [Float64Array.of(1, 1)] });
  assert.deepEqual([found.decoder, found.bits.mean], [undefined, 4]);
});

test("the figure has a point for each stratum, and says what it draws", async () => {
  const strata = [0, 1, 4].map((first, i) => ({ first, length: [1, 3, 8][i]! }));
  const summary = summarise({
    prior: Float64Array.of(0.25, 0.25),
    strata,
    terms: strata.map(({ length }) => Float64Array.of(1 / length, 2 / length)),
  });
  const svg = await boundFigure({ name: "shapes", timesteps: 12, clip: true, seed: 0, ...summary });
  assert.ok(
    textsOf(svg).some((text) => text.startsWith("4.750 ± 1.500 bits a dimension over 2 images of shapes, 0.25 of them the prior's")),
    `${textsOf(svg)}`,
  );
  assert.equal(linesOf(svg)[0]![0]!.length, 3);
});
