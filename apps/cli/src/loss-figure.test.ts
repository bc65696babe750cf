import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { decode } from "fast-png";
import { folderOf } from "../test/images.ts";
import { textsOf } from "../test/svg.ts";
import { fails, small, succeeds } from "./cli-process.ts";
import { LossCurve } from "./loss-curve.ts";
import { logLines } from "./training-log.ts";

const line = (step: number, others: object = {}): string => `${JSON.stringify({ step, loss: 1 / step, ...others })}\n`;
const log = (steps: number, others?: object): string => Array.from({ length: steps }, (_, i) => line(i + 1, others)).join("");

const folder = await folderOf({
  "a/run/log.jsonl": log(30),
  "b/run/log.jsonl": log(20),
  "other/log.jsonl": log(10),
  "quarters/log.jsonl": log(30, { lossQ1: 0.4, lossQ2: 0.3, lossQ3: null, lossQ4: 0.1 }),
  "cut/log.jsonl": `${log(3)}{"step":4,"lo`,
  "wrong/log.jsonl": `${log(3)}{"step":4}\n${line(5)}`,
});
const at = (name: string): string => join(folder, name);
const curves = (svg: string): number => svg.match(/class="mark-line role-mark/g)?.length ?? 0;

test("a curve stays small however long the run, and keeps its extremes and its mean", () => {
  const curve = new LossCurve();
  let sum = 0;
  const lossOf = (step: number): number => (step === 31_337 ? 50 : step === 77_777 ? 0.001 : 1 + (step % 7));
  for (let step = 1; step <= 100_000; step++) curve.add(step, lossOf(step));
  for (let step = 1; step <= 100_000; step++) sum += lossOf(step);
  const [band, means] = [curve.band(), curve.means()];
  assert.ok(band.length > 500 && band.length <= 2000, `${band.length}`);
  assert.ok(means.length > 50 && means.length <= 100, `${means.length}`);
  const losses = band.map(([, loss]) => loss);
  assert.deepEqual([Math.min(...losses), Math.max(...losses)], [0.001, 50]);
  assert.equal(curve.last, 100_000);
  const mean = means.reduce((total, [, loss]) => total + loss, 0) / means.length;
  assert.ok(Math.abs(mean - sum / 100_000) < 0.02, `${mean}`);
  const near = band.find(([, loss]) => loss === 50)![0];
  assert.ok(Math.abs(near - 31_337) <= 100, `${near}`);
});

test("a curve of few losses is those losses, without any that is not finite", () => {
  const curve = new LossCurve();
  for (const [i, loss] of [3, 1, Number.NaN, 2].entries()) curve.add(i + 1, loss);
  const points = [
    [1, 3],
    [2, 1],
    [4, 2],
  ];
  assert.deepEqual(curve.band(), points);
  assert.deepEqual(curve.means(), points);
});

test("the means of a short run are of neighbours", () => {
  const curve = new LossCurve();
  for (let step = 1; step <= 200; step++) curve.add(step, step);
  assert.deepEqual(curve.means().slice(0, 2), [
    [1.5, 1.5],
    [3.5, 3.5],
  ]);
});

test("a log may end in a line that was cut off, and in no other place", async () => {
  const stepsOf = async (name: string): Promise<number[]> => {
    const steps: number[] = [];
    for await (const { step } of logLines(at(name))) steps.push(step!);
    return steps;
  };
  assert.deepEqual(await stepsOf("cut/log.jsonl"), [1, 2, 3]);
  await assert.rejects(stepsOf("wrong/log.jsonl"), { name: "SyntaxError", message: /wrong\/log.jsonl: Expected line 4 to be/ });
});

test("plot draws one run into its folder, with its losses by timestep where the log has them", async () => {
  await succeeds("plot", at("other"));
  assert.equal(curves(readFileSync(at("other/loss.svg"), "utf8")), 2);
  await succeeds("plot", at("quarters"));
  const svg = readFileSync(at("quarters/loss.svg"), "utf8");
  assert.equal(curves(svg), 2 + 3, "without the quarter that no step has");
  for (const text of ["Training loss", "loss", "step", "all t", "t &lt; T/4", "3T/4 ≤ t"]) assert.ok(textsOf(svg).includes(text), text);
  assert.doesNotMatch(svg, /NaN|undefined|Infinity/);
});

test("plot compares runs, by their whole paths where their names are the same", async () => {
  await succeeds("plot", at("a/run"), at("b/run"), at("other/log.jsonl"), at("quarters"), "--out", at("several.svg"));
  const texts = textsOf(readFileSync(at("several.svg"), "utf8"));
  assert.equal(curves(readFileSync(at("several.svg"), "utf8")), 2 * 4);
  for (const name of ["quarters", "log.jsonl"]) assert.ok(texts.includes(name), name);
  assert.equal(texts.filter((text) => /(a|b)\/run$/.test(text)).length, 2);
  await succeeds("plot", at("a/run"), "--out", at("one.png"));
  assert.ok(decode(readFileSync(at("one.png"))).width > 1000);
});

test("plot says what it cannot draw", async () => {
  await fails(/Expected --out with a figure.svg or .png but found none/, 2, "plot", at("a/run"), at("b/run"));
  await fails(/Expected a run folder with a log.jsonl at .*none/, 1, "plot", at("none"));
  await fails(/wrong\/log.jsonl: Expected line 4 to be JSON/, 1, "plot", at("wrong"));
});

test("training draws loss.svg, and a resumed run draws all of its steps", async () => {
  const run = ["train", ...small, "--out", at("trained")];
  await succeeds(...run, "--steps", "3", "--train.checkpointEvery", "2");
  assert.match(readFileSync(at("trained/loss.svg"), "utf8"), /trained at step 3/);
  await succeeds("train", "--resume", "--steps", "6", "--out", at("trained"));
  const svg = readFileSync(at("trained/loss.svg"), "utf8");
  assert.match(svg, /trained at step 6/);
  await succeeds("plot", at("trained"), "--out", at("again.svg"));
  assert.equal(readFileSync(at("again.svg"), "utf8"), svg);
});
