import assert from "node:assert/strict";
import { test } from "node:test";
import { linesOf } from "../../test/svg.ts";
import type { Evaluation, Result } from "./evaluation.ts";
import { qualityFigure } from "./quality-figure.ts";
import { distanceFrom } from "./reference-solution.ts";

type Measured = Parameters<typeof qualityFigure>[0];

const kid = (mean: number, error: number): Evaluation["floor"] => ({ count: 128, kid: { mean, error } });
const results = [3, 10, 50].flatMap((steps): Result[] => [
  { sampler: "ddim", steps, images: "", distances: kid(0.1, 0.02), fromReference: 1 / steps },
  { sampler: "ddpm", steps, images: "", distances: kid(0.2, 0.01) },
]);
const measured: Measured = {
  data: "shapes",
  features: { name: "pixels", size: 64 },
  floor: kid(0.02, 0.03),
  heldOut: true,
  reference: { sampler: "heun", steps: 200, count: 64 },
  results,
};

/** The distance at a height of the panel of distances, whose axis is logarithmic, by the first points of DDIM at 0.1 and DDPM at 0.2. */
const distanceAt = (panel: [number, number][][], y: number): number => {
  const [ddim, ddpm] = panel.filter(({ length }) => length === 3).map(([first]) => first![1]);
  return 0.1 * 2 ** ((y - ddim!) / (ddpm! - ddim!));
};

test("the chart has a bar of one error up and down at each point, and no line from bar to bar", async () => {
  const [distances, convergence] = linesOf(await qualityFigure(measured));
  const bars = distances!.filter((points) => new Set(points.map(([x]) => x)).size === 1);
  assert.deepEqual(distances!.map(({ length }) => length).sort(), [2, 2, 2, 2, 2, 2, 2, 3, 3]);
  const ends = bars.map((points) => points.map(([, y]) => Number(distanceAt(distances!, y).toFixed(3))));
  assert.deepEqual(ends, [...Array(3).fill([0.08, 0.12]), ...Array(3).fill([0.19, 0.21])]);
  assert.equal(convergence!.length, 1, "no line of ddpm, whose images are others");
});

test("the line of real images is at their mean, whatever its error", async () => {
  const [distances] = linesOf(await qualityFigure(measured));
  const line = distances!.find((points) => points.length === 2 && points[0]![0] !== points[1]![0])!;
  for (const [, y] of line) assert.equal(distanceAt(distances!, y).toFixed(4), "0.0200");
});

test("the line of real images is left out where it is far below all else, and the subtitle says where they are", async () => {
  const svg = await qualityFigure({ ...measured, floor: kid(0.001, 0.002) });
  assert.equal(linesOf(svg)[0]!.length, 8);
  assert.match(svg, />As many real images not learnt are at KID 0\.0010 ± 0\.0020</);
});

test("FID has a panel of its own where there is one", async () => {
  const fid = { plain: 3, unbiased: { mean: 2, error: 0.1 } };
  const withFid = (result: Result): Result => ({ ...result, distances: { ...result.distances, fid } });
  const svg = await qualityFigure({ ...measured, floor: { ...measured.floor, fid }, results: results.map(withFid) });
  assert.equal(linesOf(svg).length, 3);
  assert.match(svg, /FID, without the bias of few images/);
});

test("what is below 0 is left out, bars that reach it end above it, and the subtitle says so", async () => {
  const [first, ...others] = measured.results;
  const svg = await qualityFigure({ ...measured, floor: kid(-0.001, 0.03), results: [{ ...first!, distances: kid(0.1, 0.4) }, ...others] });
  assert.deepEqual(
    linesOf(svg)[0]!
      .map(({ length }) => length)
      .sort(),
    [2, 2, 2, 2, 2, 2, 3, 3],
  );
  assert.match(svg, /what is not above 0 is left out</);
  assert.doesNotMatch(svg, /NaN|Infinity/);
});

test("one number of steps makes dots, and stochastic samplers alone one panel", async () => {
  const one = results.filter(({ sampler, steps }) => sampler === "ddpm" && steps === 3);
  const { reference: _, ...rest } = measured;
  const svg = await qualityFigure({ ...rest, results: one });
  assert.equal(linesOf(svg).length, 1);
  assert.match(svg, /mark-symbol role-mark/);
});

test("distanceFrom() is the root mean square over the images that the reference has", () => {
  assert.equal(distanceFrom(Float32Array.of(1, 1, 0, 0), Float32Array.of(0, 0, 1, -1, 5)), 1);
  assert.equal(distanceFrom(Float32Array.of(0, 0, 0, 0), Float32Array.of(1, 0, 0, 0, 5)), 0.5);
});
