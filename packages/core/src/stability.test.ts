import assert from "node:assert/strict";
import { test } from "node:test";
import { Stability } from "./stability.ts";

const sound = (loss: number) => ({ skipped: false, loss, gradientNorm: 1 });
const skipped = { skipped: true, loss: Number.NaN, gradientNorm: Number.POSITIVE_INFINITY };

test("skipped steps are told, and are too many only in a row", () => {
  const stability = new Stability({ "train.maxSkips": 2 });
  assert.equal(stability.follow(1, sound(1)), undefined);
  const line = "Skipped a step, which changes nothing, for its loss NaN and gradient norm Infinity at step 2; training ends after 2 in a row";
  assert.equal(stability.follow(2, skipped), line);
  assert.equal(stability.sound, false);
  stability.follow(3, skipped);
  stability.follow(4, sound(1));
  assert.equal(stability.sound, true);
  stability.follow(5, skipped);
  stability.follow(6, skipped);
  assert.throws(() => stability.follow(7, skipped), {
    name: "RangeError",
    message:
      "Expected a finite loss and gradient but found loss NaN and gradient norm Infinity at step 7, the last of 3 such steps in a row; a lower train.lr, train.clip 1 or float32 instead of bf16 may help",
  });
});

test("without skips allowed the first ends training", () => {
  assert.throws(() => new Stability({ "train.maxSkips": 0 }).follow(1, skipped), /the last of 1 such steps/);
});

test("a loss that grows far beyond its lowest average is told once; one batch is not", () => {
  const stability = new Stability({ "train.maxSkips": 2 });
  const lines: (readonly [number, string])[] = [];
  const follow = (n: number, loss: number): void => {
    const line = stability.follow(n, sound(loss));
    if (line) lines.push([n, line]);
  };
  for (let n = 1; n <= 200; n++) follow(n, n === 150 ? 20 : 0.1 * (1 + (n % 3)));
  for (let n = 201; n <= 400; n++) follow(n, 10);
  assert.equal(lines.length, 1, JSON.stringify(lines));
  assert.match(lines[0]![1], /^The loss diverges: about \d.* at step 2\d\d after 0\.\d+ at step \d+; a lower train\.lr/);
});
