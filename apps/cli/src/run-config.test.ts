import assert from "node:assert/strict";
import { test } from "node:test";
import { type Config, configure, presets } from "@ddpm/core";
import { refuseBeyondDecay, refuseEdited, resumed, withDecay, withThreads } from "./run-config.ts";
import { UsageError } from "./usage-error.ts";

const decaying = configure({ "train.lrDecay": "linear", "train.warmup": 5 });
const none = { preset: {}, conditional: false };

test("a decay takes the run's steps unless told more, and is refused with a remedy where it cannot", () => {
  assert.equal(withDecay(configure(), 3)["train.decaySteps"], 0);
  assert.equal(withDecay(decaying, 6)["train.decaySteps"], 6);
  const told = configure(decaying, { "train.decaySteps": 8 });
  assert.equal(withDecay(told, 6)["train.decaySteps"], 8);
  assert.throws(
    () => withDecay(decaying, 5),
    (error) =>
      error instanceof UsageError && /more than 5 steps, .* but found 5; choose more --steps or a shorter --train\.warmup$/.test(error.message),
  );
  assert.throws(() => withDecay(told, 9), /--train\.decaySteps of at least 9, .* but found 8: .*; leave it out or ask for fewer steps$/);
});

test("a run does not go on where its learning rate is 0", () => {
  const run = withDecay(decaying, 30);
  refuseBeyondDecay(run, 30);
  refuseBeyondDecay(configure(), 1e6);
  assert.throws(() => refuseBeyondDecay(run, 40), /at most 30 steps, .* but found 40; choose --steps 30, or start a new run of 40 in another --out$/);
});

test("a run goes on with other bookkeeping than it began with, and no other change", () => {
  const run = configure(presets.tiny, { "train.checkpointEvery": 7 });
  const flags: Partial<Config> = { "train.keepLast": 1, "train.keepBest": true, "train.sampleEvery": 3, "train.batch": 32 };
  assert.deepEqual(resumed(run, flags, { ...none, preset: { "train.checkpointEvery": 100 } }), { ...run, ...flags });
  assert.equal(resumed(run, { "train.checkpointEvery": 9 }, none)["train.checkpointEvery"], 9);
  assert.throws(() => resumed(run, { "train.lr": 0.5 }, none), /Expected train\.lr 0\.002 as in the run but found 0\.5/);
  assert.throws(() => resumed(run, {}, { ...none, preset: { "model.dim": 16 } }), /Expected model\.dim 8 as in the run but found 16/);
});

test("a config.json that is not as when the run was saved is refused, but for bookkeeping and where the data are", () => {
  const run = configure(presets.tiny);
  refuseEdited(run, configure(run, { "train.keepLast": 1, "train.threads": 3, "data.name": "/elsewhere" }));
  assert.throws(
    () => refuseEdited(run, configure(run, { "train.lr": 0.5 })),
    /Expected train\.lr 0\.002 as when it was saved but found 0\.5 in config\.json; put it back, or start a new run in another --out$/,
  );
});

test("a run that began without classes does not go on with them", () => {
  assert.throws(
    () => resumed(configure(), {}, { ...none, conditional: true }),
    /found one that began without; leave it out or start a new run in another --out/,
  );
  const run = configure({ "model.classes": ["disc", "ring"] });
  assert.deepEqual(resumed(run, {}, { ...none, conditional: true }), run);
});

test("a deterministic run keeps the number of threads that it begins with", () => {
  assert.equal(withThreads(configure({ "train.deterministic": true }), 6)["train.threads"], 6);
  assert.equal(withThreads(configure({ "train.deterministic": true, "train.threads": 3 }), 6)["train.threads"], 3);
  assert.equal(withThreads(configure({}), 6)["train.threads"], 0);
});
