import assert from "node:assert/strict";
import { test } from "node:test";
import { schedule } from "./schedule.ts";
import { evenSpacingNames, levels, levelsAt, sigmaOf, spacingNames, timesteps } from "./spacing.ts";

const s = schedule("linear", 1000);

test("timesteps() are distinct, decreasing and within [0, T) for every number of steps", () => {
  for (const spacing of evenSpacingNames) {
    for (const spare of [0, 1]) {
      for (let steps = 1; steps <= 59; steps++) {
        const list = timesteps(spacing, 60, steps, spare);
        assert.equal(list.length, steps);
        assert.ok(
          list.every((t, i) => Number.isInteger(t) && t >= 0 && t < (list[i - 1] ?? 60)),
          `${spacing} ${spare} ${steps}: ${list}`,
        );
      }
    }
  }
});

test("impossible steps are a RangeError that says what is possible", () => {
  for (const steps of [0, -3, 2.5, Number.NaN, 11]) {
    assert.throws(() => timesteps("trailing", 10, steps, 1), { name: "RangeError", message: /\[1, 10\]/ });
  }
  for (const spacing of ["leading", "linspace"] as const) {
    assert.throws(() => timesteps(spacing, 10, 10, 1), { name: "RangeError", message: /\[1, 9\]/ });
  }
  for (const list of [[3, 3], [1000]])
    assert.throws(() => levelsAt(s, list), { name: "RangeError", message: /Expected timesteps to be decreasing and below 1000 but found/ });
});

test("karras levels are even in sigma to the power of 1/7, from the schedule's last to its first", () => {
  for (const count of [2, 7, 40]) {
    const list = levels("karras", s, count).map(({ alphaBar }) => sigmaOf(alphaBar) ** (1 / 7));
    near(list[0]!, sigmaOf(s.alphasCumprod[999]!) ** (1 / 7));
    near(list.at(-1)!, sigmaOf(s.alphasCumprod[0]!) ** (1 / 7));
    for (const [i, x] of list.entries()) near(x, list[0]! + (i / (count - 1)) * (list.at(-1)! - list[0]!));
  }
  const [only] = levels("karras", s, 1);
  assert.equal(only!.t, 999);
});

test("karras levels tell the model the nearest timestep", () => {
  for (const { t, alphaBar } of levels("karras", s, 50)) {
    const distance = (at: number): number => Math.abs(Math.log(sigmaOf(s.alphasCumprod[at] ?? Number.NaN) / sigmaOf(alphaBar)));
    for (const other of [t - 1, t + 1]) assert.ok(!(distance(other) < distance(t) * 0.99), `${other} is nearer than ${t}`);
  }
});

test("zero terminal SNR begins at noise alone, whatever the spacing, or is refused", () => {
  const zero = schedule("linear", 100, { zeroTerminalSnr: true });
  for (const spacing of spacingNames) {
    for (const count of [1, 2, 9]) {
      if (spacing === "leading" || (spacing === "linspace" && count === 1)) {
        assert.throws(() => levels(spacing, zero, count), { name: "RangeError", message: /has to begin at T, but found/ });
      } else {
        const [first, ...rest] = levels(spacing, zero, count);
        assert.deepEqual(first, { t: 99, alphaBar: 0 });
        assert.ok(
          rest.every(({ t, alphaBar }, i) => t < 99 && alphaBar > (rest[i - 1]?.alphaBar ?? 0)),
          spacing,
        );
      }
    }
  }
});

function near(found: number, expected: number): void {
  assert.ok(Math.abs(found - expected) <= 1e-9 * Math.abs(expected), `${found} for ${expected}`);
}
