import assert from "node:assert/strict";
import { test } from "node:test";
import type { Tab } from "./browser.ts";
import type { ContenderKey } from "./contenders.ts";
import type { Ask, Pass } from "./page/main.ts";
import { measure, turns } from "./rounds.ts";

const expected = { one: Float32Array.of(2), four: Float32Array.of(2) };
const answer: Pass = { seconds: 1, prediction: [2.5], threads: undefined, draws: 3, links: 4, textureBytes: 5 };

/** A tab whose passes are answered without a browser; `log` hears of each. */
const tab = (key: ContenderKey, log: string[], pass = (_: Ask): Pass => answer): Tab => ({
  version: "0",
  facts: () => Promise.reject(new Error("Expected nobody to ask")),
  pass: async (ask) => {
    log.push(`${key} ${ask.images}`);
    return pass(ask);
  },
  [Symbol.asyncDispose]: async () => void log.push(`${key} closed`),
});

test("contenders begin one after the other, then take turns, and are closed", async () => {
  const log: string[] = [];
  const options = { open: async (key: ContenderKey) => tab(key, log), expected, rounds: 1, say: () => {} };
  const { measured } = await measure(["wasm", "onnx"], options);
  assert.deepEqual(log.slice(0, 8), ["wasm 1", "wasm 4", "onnx 1", "onnx 4", "wasm 1", "wasm 4", "onnx 1", "onnx 4"]);
  assert.deepEqual(log.slice(-2), ["wasm closed", "onnx closed"]);
  assert.equal(measured.get("wasm")?.first.length, 1);
  assert.equal(measured.get("wasm")?.four.length, turns);
  assert.deepEqual(measured.get("onnx")?.differences, [0.25, 0.25]);
});

test("who fails is closed and left out with a note, and the others go on", async () => {
  const log: string[] = [];
  const fail = ({ images }: Ask): Pass => {
    if (images === 4) throw new Error("out of memory\n  at somewhere");
    return answer;
  };
  const open = async (key: ContenderKey) => tab(key, log, key === "wasm" ? fail : undefined);
  const { measured, skipped } = await measure(["wasm", "onnx"], { open, expected, rounds: 1, say: () => {} });
  assert.deepEqual([...measured.keys()], ["onnx"]);
  assert.deepEqual(skipped, ["ours wasm skipped: out of memory"]);
  assert.ok(log.includes("wasm closed"));
});
