import assert from "node:assert/strict";
import { test } from "node:test";
import { type Curve, figure } from "./plot.ts";

/** The numbers that an axis shows, by how Vega turns its title: that of y is turned, that of x is not. */
const labels = (svg: string): string[][] =>
  [...svg.matchAll(/class="mark-text role-axis-label"[^>]*>(.*?)<\/g>/g)].map(([, texts]) =>
    [...texts!.matchAll(/>([^<]+)<\/text>/g)].map(([, text]) => text!),
  );

const draw = (curves: Curve[], logarithmic = true) => figure([{ title: "a panel", x: "t", y: "y", logarithmic, curves }], { title: "a figure" });

const curve = (...points: [number, number][]): Curve => ({ name: "a", points });

for (const [low, high] of [
  [0.37, 0.49],
  [0.21, 0.23],
  [0.9, 1.1],
  [0.06, 0.19],
  [1, 2.9],
  [3e-5, 4e-5],
] as const) {
  test(`a logarithmic axis from ${low} to ${high} has numbers, each of them once`, async () => {
    const [, y] = labels(await draw([curve([0, low], [10, high])]));
    assert.ok(y!.length >= 3 && y!.length <= 12, `${y}`);
    assert.equal(new Set(y).size, y!.length, `${y}`);
  });
}

test("a logarithmic axis of a wide range has powers of ten", async () => {
  const [, y] = labels(await draw([curve([0, 1e-4], [10, 1])]));
  assert.deepEqual(y, ["1e-4", "0.001", "0.01", "0.1", "1"]);
});

test("what is 0 throughout is drawn, on axes that say 0", async () => {
  const svg = await draw([curve([0, 0])]);
  assert.deepEqual(labels(svg), [["0"], ["0"]]);
  assert.match(svg, /class="mark-symbol role-mark/);
});

test("a curve of one point among longer ones is a dot", async () => {
  const svg = await draw([curve([0, 1], [10, 2]), { name: "b", points: [[4, 1]] }]);
  assert.equal(svg.match(/class="mark-symbol role-mark[^>]*>(.*?)<\/g>/)![1]!.match(/<path/g)!.length, 1);
});
