import assert from "node:assert/strict";
import { test } from "node:test";
import { logarithmicTicks } from "./ticks.ts";

test("logarithmicTicks() tells small numbers apart from 0, and nothing where there is no room", () =>
  assert.deepEqual(logarithmicTicks(undefined, [1e-7, 0.0001, null, 0.1, 1]), ["1e-7", "0.0001", "", "0.1", "1"]));
