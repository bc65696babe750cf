import assert from "node:assert/strict";
import { test } from "node:test";
import { shapes } from "./shapes.ts";

test("shapes() draws image i as a function of seed and i, in any order", () => {
  const [a, b] = [shapes({ seed: 5 }), shapes({ seed: 5, count: 20 })];
  const forwards = [0, 1, 2].map((i) => a.pixels(i));
  const backwards = [2, 1, 0].map((i) => b.pixels(i)).reverse();
  assert.deepEqual(forwards, backwards);
  assert.notDeepEqual(a.pixels(0), a.pixels(1));
  assert.notDeepEqual(a.pixels(0), shapes({ seed: 6 }).pixels(0));
});

test("a grey picture is a bright shape on black with soft edges, whole within the frame", () => {
  const data = shapes({ height: 32, width: 24 });
  for (let i = 0; i < 200; i++) {
    const pixels = data.pixels(i);
    const lit = pixels.filter((x) => x === 225).length / pixels.length;
    assert.ok(lit > 0.03 && lit < 0.6, `picture ${i} is lit by ${lit}`);
    assert.ok(pixels.every((x) => x <= 225) && pixels.some((x) => x > 0 && x < 225), `picture ${i} has no edge`);
    const rim = pixels.filter((_, at) => at % 24 === 0 || at % 24 === 23 || at < 24 || at >= 31 * 24);
    assert.ok(rim.filter((x) => x > 112).length <= 24, `picture ${i} is cut off`);
  }
});

test("a colour picture is brighter inside than outside", () => {
  const data = shapes({ height: 16, width: 16, channels: 3 });
  for (let i = 0; i < 50; i++) {
    const pixels = data.pixels(i);
    assert.equal(pixels.length, 16 * 16 * 3);
    assert.ok(Math.max(...pixels) > 150 && pixels.filter((x) => x <= 60).length > pixels.length / 3);
  }
});

test("shapes() refuses impossible sizes", () => {
  assert.throws(() => shapes({ channels: 2 }), { name: "RangeError", message: "Expected channels of shapes to be 1 or 3 but found 2" });
  assert.throws(() => shapes({ width: 0 }), { name: "RangeError", message: "Expected width of shapes to be a positive integer but found 0" });
  assert.throws(() => shapes({ count: 1.5 }), RangeError);
});
