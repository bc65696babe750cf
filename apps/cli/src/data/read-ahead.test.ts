import assert from "node:assert/strict";
import { test } from "node:test";
import { ReadAhead } from "./read-ahead.ts";

test("ReadAhead gives steps in order and reads four ahead, not beyond the last", async () => {
  const begun: number[] = [];
  const read = (step: number) => new Promise<number>((resolve) => begun.push(step) && setTimeout(resolve, 10 - step, step));
  const ahead = new ReadAhead(read, 3, 9);
  assert.equal(await ahead.next(), 3);
  assert.deepEqual(begun, [3]);
  ahead.fill();
  assert.deepEqual(begun, [3, 4, 5, 6, 7]);
  for (const step of [4, 5, 6, 7, 8, 9]) {
    assert.equal(await ahead.next(), step);
    ahead.fill();
  }
  assert.deepEqual(begun, [3, 4, 5, 6, 7, 8, 9]);
});

test("ReadAhead tells of a failure at its step, not before", async () => {
  const ahead = new ReadAhead(async (step) => (step === 2 ? Promise.reject(new Error("Expected an image")) : step), 1, 3);
  assert.equal(await ahead.next(), 1);
  ahead.fill();
  await new Promise((resolve) => setTimeout(resolve, 5));
  await assert.rejects(ahead.next(), { message: "Expected an image" });
});
