import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { SavedStates } from "./saved-states.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ddpm-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const bytesOf = (step: number): Uint8Array => new Uint8Array(1000).fill(step);
const model = (step: number) => new Map([["model.safetensors", new Uint8Array(10).fill(step)]]);
const states = () => new SavedStates(join(folder, "states"));
const file = (name: string): string => join(folder, "states", name);

async function saved(...steps: number[]): Promise<void> {
  for (const step of steps) await states().save(step, bytesOf(step), model(step));
}

/** The newest state's step, and what was said of others. */
async function newest(): Promise<[number | undefined, ...string[]]> {
  const said: string[] = [];
  const found = await states().newest((line) => said.push(line));
  return [found?.bytes[0], ...said];
}

test("the newest state is found, and the two newest are kept", async () => {
  assert.deepEqual(await newest(), [undefined]);
  await saved(1, 2, 30);
  assert.deepEqual(readdirSync(join(folder, "states")), [
    "step-000002.json",
    "step-000002.safetensors",
    "step-000030.json",
    "step-000030.safetensors",
  ]);
  assert.deepEqual(await newest(), [30]);
});

const damages: Readonly<Record<string, readonly [() => void, RegExp]>> = {
  "a bit that flipped": [
    () => writeFileSync(file("step-000002.safetensors"), bytesOf(2).with(500, 3)),
    /expected the SHA-256 [0-9a-f]{64} but found/,
  ],
  "a state cut off": [() => truncateSync(file("step-000002.safetensors"), 999), /expected 1000 bytes but found 999/],
  "a state too long": [() => appendFileSync(file("step-000002.safetensors"), "x"), /expected 1000 bytes but found 1001/],
  "a missing state": [() => rmSync(file("step-000002.safetensors")), /it is missing/],
  "an empty manifest": [() => truncateSync(file("step-000002.json"), 0), /its manifest cannot be read/],
  "a manifest that is null": [() => writeFileSync(file("step-000002.json"), "null"), /its manifest cannot be read/],
  "a manifest of zeros": [() => writeFileSync(file("step-000002.json"), new Uint8Array(100)), /its manifest cannot be read/],
  "a manifest of another version": [() => writeFileSync(file("step-000002.json"), '{"version":2,"files":{}}'), /of version 2, which/],
  "a manifest of nothing": [() => writeFileSync(file("step-000002.json"), '{"version":1,"files":{}}'), /does not name it/],
};
for (const [damage, [make, fault]] of Object.entries(damages)) {
  test(`${damage} is told, and the state before it taken`, async () => {
    await saved(1, 2);
    make();
    const [step, line] = await newest();
    assert.equal(step, 1);
    assert.match(line!, /^Left out a damaged checkpoint, and goes on with the one before: .*step-000002.safetensors: /);
    assert.match(line!, fault);
    await states().tidy(1);
    assert.deepEqual(readdirSync(join(folder, "states")), ["step-000001.json", "step-000001.safetensors"]);
    await saved(2);
    assert.deepEqual(await newest(), [2]);
  });
}

test("states that are all damaged are an error that names each", async () => {
  await saved(1, 2);
  for (const step of [1, 2]) truncateSync(file(`step-00000${step}.safetensors`), 5);
  await assert.rejects(newest(), {
    message:
      /^Expected a whole checkpoint but found .*step-000002.safetensors: .*; .*step-000001.safetensors: .*; put one back from a copy, or start/,
  });
});

test("a state without its manifest was not saved", async () => {
  await saved(1);
  writeFileSync(file("step-000002.safetensors"), bytesOf(2));
  writeFileSync(file("step-000002.json.17.tmp"), "{");
  assert.deepEqual(await newest(), [1]);
  await states().tidy(1);
  assert.deepEqual(readdirSync(join(folder, "states")), ["step-000001.json", "step-000001.safetensors"]);
});

test("a state tells whether a model is the one that was saved with it", async () => {
  await saved(1, 2);
  const found = await states().newest(() => {});
  const matches = (bytes: Uint8Array | undefined) => found!.matches("model.safetensors", bytes);
  assert.deepEqual(
    [matches(model(2).get("model.safetensors")), matches(model(1).get("model.safetensors")), matches(undefined)],
    [true, false, false],
  );
  assert.equal(found!.matches("other", new Uint8Array()), false);
  assert.ok(readFileSync(found!.path).equals(bytesOf(2)));
});
