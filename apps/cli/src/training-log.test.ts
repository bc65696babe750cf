import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { logLines, TrainingLog } from "./training-log.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ddpm-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const steps = async (): Promise<number[]> => {
  const found: number[] = [];
  for await (const { step } of logLines(join(folder, "log.jsonl"))) found.push(step!);
  return found;
};

const count = (last: number, first = 1): number[] => Array.from({ length: last - first + 1 }, (_, i) => first + i);

/** Writes steps as a run does that goes on after `after`, with parts of two or three lines, synced after each. */
async function write(after: number, last: number): Promise<void> {
  await using log = await TrainingLog.open(folder, after, 50);
  for (const step of count(last, after + 1)) {
    await log.append({ step, loss: 0.5 });
    await log.sync();
  }
}

test("a long log has parts, which are read as one", async () => {
  await write(0, 10);
  assert.deepEqual(readdirSync(folder), ["log-000001.jsonl", "log-000002.jsonl", "log-000003.jsonl", "log.jsonl"]);
  assert.deepEqual(await steps(), count(10));
});

for (const after of count(10, 0)) {
  test(`a run that goes on after step ${after} of 10 writes the rest again, whichever part that is in`, async () => {
    await write(0, 10);
    await write(after, after);
    assert.deepEqual(await steps(), count(after));
    await write(after, 12);
    assert.deepEqual(await steps(), count(12));
  });
}

test("what follows a line that a crash cut off goes with it", async () => {
  for (const cut of ['{"step":3,"lo', '{"step":3,"loss":1}', "\0\0\0\0\n", '{"step":3}\n{"step":4,"loss":1}\n']) {
    await write(0, 2);
    appendFileSync(join(folder, "log.jsonl"), cut);
    await write(4, 5);
    assert.deepEqual(await steps(), [1, 2, 5], cut);
    for (const name of readdirSync(folder))
      assert.ok(
        readFileSync(join(folder, name), "utf8")
          .split("\n")
          .every((line) => line === "" || JSON.parse(line)),
      );
    for (const name of readdirSync(folder)) rmSync(join(folder, name));
  }
});
