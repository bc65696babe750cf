import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { decodeModel } from "@ddpm/core";
import { decode } from "@ddpm/core/safetensors";
import { ddpm, fails, small, stateOf, succeeds } from "./cli-process.ts";

const folder = mkdtempSync(join(tmpdir(), "ddpm-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const at = (name: string): string => join(folder, name);
const log = (run: string) =>
  readFileSync(at(`${run}/log.jsonl`), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, number>);

const everything =
  "--train.accumulate 2 --model.dropout 0.2 --train.warmup 2 --train.lrDecay cosine --train.clip 0.5 --train.emaAlso 0.1,0.9 --train.checkpointEvery 2 --train.keepLast 2 --train.keepBest true";
const run = [...small, ...everything.split(" ")];

test("a run with every convenience resumes to the same bytes", async () => {
  await succeeds("train", ...run, "--steps", "8", "--out", at("whole"));
  await succeeds("train", ...run, "--steps", "3", "--train.decaySteps", "8", "--out", at("parts"));
  await succeeds("train", "--resume", "--steps", "8", "--out", at("parts"));
  const models = ["model.safetensors", "model-ema-0.1.safetensors", "model-ema-0.9.safetensors", "best.safetensors"];
  const last = ["step-000006.safetensors", "step-000008.safetensors"];
  assert.deepEqual(readdirSync(at("whole/checkpoints")), last);
  assert.ok(stateOf(at("whole")).equals(stateOf(at("parts"))));
  for (const file of ["config.json", ...models, ...last.map((name) => `checkpoints/${name}`)])
    assert.ok(readFileSync(at(`whole/${file}`)).equals(readFileSync(at(`parts/${file}`))), file);
  assert.deepEqual(
    log("parts").map(({ loss, lr, gradientNorm }) => [loss, lr, gradientNorm]),
    log("whole").map(({ loss, lr, gradientNorm }) => [loss, lr, gradientNorm]),
  );
});

test("the log has the learning rate, the gradient's norm and the loss by quarter of the timesteps", () => {
  const lines = log("whole");
  assert.deepEqual(
    lines.slice(0, 3).map(({ lr }) => lr),
    [1e-3, 2e-3, 2e-3],
  );
  assert.ok(lines[7]!["lr"]! > 0 && lines[7]!["lr"]! < 2e-4);
  for (const line of lines) {
    assert.ok(line["gradientNorm"]! > 0);
    const quarters = ["lossQ1", "lossQ2", "lossQ3", "lossQ4"].flatMap((key) => line[key] ?? []);
    assert.ok(quarters.length > 0 && Math.min(...quarters) <= line["loss"]! && line["loss"]! <= Math.max(...quarters), JSON.stringify(line));
  }
});

test("best.safetensors is of the save with the lowest mean loss before it", () => {
  const losses = log("whole").map(({ loss }) => loss!);
  const means = [2, 4, 6, 8].map((step) => (losses[step - 2]! + losses[step - 1]!) / 2);
  const { metadata } = decodeModel(readFileSync(at("whole/best.safetensors")));
  assert.equal(metadata!.step, 2 * (1 + means.indexOf(Math.min(...means))));
  assert.equal(metadata!.loss, Math.min(...means));
});

test("further averages are checkpoints that draw", async () => {
  const [first, other] = ["model", "model-ema-0.1"].map(
    (name) => decode(readFileSync(at(`whole/${name}.safetensors`))).tensors.get("init_conv.weight")!.data,
  );
  assert.notDeepEqual(first, other);
  const place = at("whole/model-ema-0.1.safetensors");
  await succeeds("sample", "--checkpoint", place, "--sampler", "ddim", "--steps", "2", "--count", "1", "--out", at("drawn.png"));
});

test("a decay without a length takes the run's first steps, beyond which the run does not go on", async () => {
  const decay = [...small, "--train.lrDecay", "linear"];
  await succeeds("train", ...decay, "--steps", "2", "--out", at("decay"));
  assert.equal(JSON.parse(readFileSync(at("decay/config.json"), "utf8"))["train.decaySteps"], 2);
  await fails(
    /at most 2 steps, .* but found 3; choose --steps 2, or start a new run of 3/,
    1,
    "train",
    "--resume",
    "--steps",
    "3",
    "--out",
    at("decay"),
  );
  assert.deepEqual(
    log("decay").map(({ lr }) => lr),
    [2e-3, 1e-3],
  );
  await fails(
    /but found 2; choose more --steps or a shorter --train.warmup/,
    2,
    "train",
    ...decay,
    "--train.warmup",
    "5",
    "--steps",
    "2",
    "--out",
    at("none"),
  );
});

test("a run that goes on keeps checkpoints as it is told then", async () => {
  await succeeds("train", ...small, "--steps", "1", "--out", at("bookkeeping"));
  await succeeds("train", "--resume", "--steps", "3", "--train.keepLast", "1", "--train.checkpointEvery", "1", "--out", at("bookkeeping"));
  assert.deepEqual(readdirSync(at("bookkeeping/checkpoints")), ["step-000003.safetensors"]);
  const { "train.keepLast": last, "train.batch": batch } = JSON.parse(readFileSync(at("bookkeeping/config.json"), "utf8"));
  assert.deepEqual([last, batch], [1, 4]);
});

test("a run that goes on with another number of threads says what that changes and how to avoid it", async () => {
  const goOn = (...args: string[]) => ddpm("train", "--resume", "--out", at("threads"), ...args);
  await succeeds("train", ...small, "--deterministic", "--train.threads", "2", "--steps", "1", "--out", at("threads"));
  const same = await goOn("--steps", "2");
  assert.deepEqual([same.code, same.stderr.includes("last bits")], [0, false], same.stderr);
  const other = await goOn("--steps", "3", "--train.threads", "1");
  assert.match(other.stderr, /Going on with .*, 1 threads, .* trained so far: the last bits may differ .*; with --train\.threads 2 they would not\n/);
});
