import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { CommanderError } from "commander";
import { complaintOf } from "./complaint.ts";
import { Interrupted } from "./interrupt.ts";
import { UsageError } from "./usage-error.ts";

const thrown = [
  [new RangeError("Expected 1 but found 2; take 1"), 1, /^ddpm: Expected 1 but found 2; take 1\n$/],
  [new SyntaxError("a.json: Expected 1 but found 2"), 1, /^ddpm: a\.json: Expected 1 but found 2\n$/],
  [new Error("TensorFlow: no memory"), 1, /^ddpm: TensorFlow: no memory\n$/],
  [new UsageError("Expected --out but found none; add it"), 2, /^ddpm: Expected --out but found none; add it\n$/],
  [new Interrupted("Saved step 3"), 130, /^ddpm: Saved step 3\n$/],
  [new Interrupted("Saved step 3", "SIGTERM"), 143, /^ddpm: Saved step 3\n$/],
  [new CommanderError(1, "commander.unknownOption", "unknown"), 2, /^$/],
  [new CommanderError(0, "commander.help", "help"), 0, /^$/],
  [await readFile("/no/such/file").catch((error: Error) => error), 1, /^ddpm: Expected to read and write files but found ENOENT: .*; check the path/],
  ["a text", 1, /^ddpm: Internal error, a fault of ddpm's: a text \(ddpm/],
  [
    new TypeError("Cannot read properties of undefined (reading 'x')"),
    1,
    /^ddpm: Internal error, a fault of ddpm's: Cannot read .* \(ddpm \d+\.\d+\.\d+, Node v[\d.]+ on \w+ \w+\); please report it with the command/,
  ],
] as const;

test("an error is told in one line with its exit code, and a fault of the program asks for a report", () => {
  for (const [error, code, text] of thrown) {
    const complaint = complaintOf(error, false);
    assert.equal(complaint.code, code, `${error}`);
    assert.match(complaint.text, text);
    assert.doesNotMatch(complaint.text, /\n./);
  }
});

test("a stack is shown to those who ask for it, and to no others", () => {
  const error = new TypeError("oh");
  assert.doesNotMatch(complaintOf(error, false).text, /^ {4}at /m);
  assert.match(complaintOf(error, true).text, /TypeError: oh\n {4}at /);
});
