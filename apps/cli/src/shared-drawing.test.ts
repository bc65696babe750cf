// Pictures that several workers draw, and evaluations that they share
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { bin, ddpm, fails, small, succeeds, workerOf, workersOf } from "./cli-process.ts";
import { readImages } from "./tensor-file.ts";

const folder = mkdtempSync(join(tmpdir(), "ddpm-shared-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const at = (...names: string[]): string => join(folder, ...names);

const model = ["--checkpoint", at("run"), "--device", "tensorflow:cpu"];
const sample = (out: string, ...more: string[]): string[] => ["sample", ...model, "--out", at(out), ...more];
const evaluate = (out: string, ...more: string[]): string[] => [
  ...["evaluate", ...model, "--reference", "300", "--images", "70", "--timesteps", "5", "--steps", "100", "--out", at(out), ...more],
];
const by = (count: number, command: readonly string[]): Promise<string> =>
  succeeds(...(count === 1 ? [] : ["launch", "--workers", `${count}`]), ...command);

/** Names and bytes of the files of a folder. */
const filesIn = (path: string): Map<string, Buffer> =>
  new Map(
    readdirSync(path)
      .sort()
      .map((name) => [name, readFileSync(join(path, name))]),
  );

/** Starts a launch, calls `then` once `reached`, and waits for its end. */
async function disturbed(args: string[], reached: (stderr: string) => boolean, then: (launcher: ReturnType<typeof spawn>) => void) {
  const launcher = spawn(process.execPath, [bin, "launch", ...args], { stdio: ["ignore", "ignore", "pipe"] });
  let stderr = "";
  launcher.stderr.on("data", (chunk: Buffer) => {
    stderr += chunk;
  });
  const ended = once(launcher, "exit");
  while (launcher.exitCode === null && !reached(stderr)) await sleep(20);
  then(launcher);
  const [code] = (await ended) as [number];
  return { code, stderr };
}

before(async () => {
  await succeeds("train", ...small, "--conditional", "--steps", "2", "--device", "tensorflow:cpu", "--out", at("run"));
});

test("two and three workers draw the pictures of one, whatever their shares, and the first alone writes them", async () => {
  const drawn = new Map<number, Float32Array>();
  for (const count of [1, 2, 3]) {
    const said = await by(count, sample(`${count}.safetensors`, "--count", "7", "--sampler", "ddpm", "--steps", "12", "--class", "ring"));
    assert.match(said, new RegExp(`^Drew 7 images with ddpm .*${count === 1 ? "" : ` by ${count} workers`}: .*${count}.safetensors\n$`));
    drawn.set(count, (await readImages(at(`${count}.safetensors`), "samples")).as([1, 8, 8]).values);
  }
  // Batches of other sizes may add in another order: 1.5e-5 was seen of the notebook's model, and no difference of this one
  for (const count of [2, 3])
    for (const [i, x] of drawn.get(count)!.entries()) assert.ok(Math.abs(x - drawn.get(1)![i]!) < 1e-4, `${i}: ${x} for ${drawn.get(1)![i]}`);
  assert.deepEqual(readdirSync(at("3-workers")), ["worker-1.log", "worker-2.log"]);
  assert.match(readFileSync(at("3-workers", "worker-2.log"), "utf8"), /^This is worker 2 of 3\n$/);
});

test("a picture each, the way there, and guided classes are as one worker has them, also where a worker has nothing to draw", async () => {
  const more = ["--count", "4", "--class", "disc", "--guidance", "2", "--sampler", "ddim", "--eta", "1", "--steps", "6"];
  for (const count of [1, 3]) await by(count, sample(`each-${count}`, ...more, "--trajectory", at(`way-${count}.svg`)));
  assert.deepEqual([...filesIn(at("each-1")).keys()], ["0000.png", "0001.png", "0002.png", "0003.png"]);
  assert.deepEqual(filesIn(at("each-3")), filesIn(at("each-1")), "of this model to the last bit");
  assert.equal(readFileSync(at("way-3.svg"), "utf8"), readFileSync(at("way-1.svg"), "utf8"));
});

test("SIGTERM ends a drawing of all workers, and nothing is written", async () => {
  const args = ["--workers", "2", ...sample("ended.png", "--count", "128", "--steps", "200")];
  const begun = (stderr: string): boolean => stderr.includes("sample 1/200");
  const { code, stderr } = await disturbed(args, begun, (launcher) => launcher.kill("SIGTERM"));
  assert.equal(code, 143, stderr);
  assert.ok(!existsSync(at("ended.png")));
  assert.match(readFileSync(at("ended-workers", "worker-1.log"), "utf8"), /ddpm: Expected to go on but found that worker 0 .* has ended the run/);
});

test("workers that would draw different pictures are refused, by all of them", async () => {
  for (const { code, stderr } of await workersOf([sample("unlike.png"), sample("unlike.png", "--seed", "5")])) {
    assert.equal(code, 1);
    assert.match(stderr, /Expected all workers to do the same but found seed 5 at worker 1 and 0 at worker 0; start all alike/);
  }
  for (const { code, stderr } of await workersOf([evaluate("unlike"), evaluate("unlike", "--no-bound")])) {
    assert.equal(code, 1);
    assert.match(stderr, /but found bound false at worker 1 and \{"images":70,.*\} at worker 0; start all alike/);
  }
  assert.ok(!existsSync(at("unlike.png")) && !existsSync(at("unlike")));
});

test("an evaluation that is stopped half-way goes on with another number of workers, and one whose worker was killed goes on by itself, to the same bytes", async () => {
  const few = ["--samples", "320"];
  await by(1, evaluate("whole", ...few));
  const samples = (out: string): string => at(out, "samples", "ddim-100");
  const begun = (out: string) => (): boolean => existsSync(join(samples(out), "000000.png"));
  const told = (out: string): string => readFileSync(at(out, "evaluation.json"), "utf8").replaceAll(at(out), at("whole"));

  const { code, stderr } = await disturbed(["--workers", "2", ...evaluate("stopped", ...few)], begun("stopped"), (launcher) =>
    launcher.kill("SIGTERM"),
  );
  assert.equal(code, 143, stderr);
  const kept = readdirSync(samples("stopped")).length;
  assert.ok(kept > 1 && kept < 321, `${kept}`);
  await by(3, evaluate("stopped", ...few));

  const args = ["--workers", "2", "--max-restarts", "1", ...evaluate("killed", ...few)];
  const killed = await disturbed(args, begun("killed"), () => process.kill(workerOf(at("killed"), 1)!, "SIGKILL"));
  assert.equal(killed.code, 0, killed.stderr);
  assert.match(killed.stderr, /Starting all workers again, since worker 1 was ended by SIGKILL/);

  for (const out of ["stopped", "killed"]) {
    assert.deepEqual(filesIn(samples(out)), filesIn(samples("whole")));
    assert.deepEqual(readFileSync(at(out, "bound.json")), readFileSync(at("whole", "bound.json")));
    assert.equal(told(out), told("whole"));
  }
});

test("a sweep of several workers finds what one does, and they leave it to the first to read and write", async () => {
  const more = ["--no-bound", "--samples", "70", "--sweep", "ddim:3,6", "ddpm:2"];
  const line = (out: string): string[] => [...["evaluate", ...model, "--reference", "300", "--out", at(out)], ...more];
  await by(1, line("sweep-1"));
  await by(3, line("sweep-3"));
  const [one, three] = ["sweep-1", "sweep-3"].map((out) => JSON.parse(readFileSync(at(out, "evaluation.json"), "utf8")));
  assert.deepEqual(three.results.length, 3);
  for (const [i, { fromReference, distances }] of three.results.entries()) {
    assert.deepEqual(distances, one.results[i].distances);
    assert.ok(fromReference === undefined || Math.abs(fromReference / one.results[i].fromReference - 1) < 1e-4);
  }
  assert.deepEqual(readdirSync(at("sweep-3", "workers")), ["worker-1.log", "worker-2.log"]);
});

test("what workers cannot share, or go on with, is refused", async () => {
  await fails(
    /Expected --max-restarts with a command that goes on .*, train or evaluate, but found sample; leave it out/,
    2,
    ...[...["launch", "--workers", "2", "--max-restarts", "1"], ...sample("none.png")],
  );
  await fails(
    /Expected --out with what to write after sample, beside which workers log, but found none; add it/,
    2,
    "launch",
    "--workers",
    "2",
    "sample",
  );
  const pictures = ["evaluate", "--pictures", at("each-1"), "--data", "shapes"];
  await fails(
    /Expected --checkpoint with a model after evaluate, beside which workers log, but found none/,
    2,
    "launch",
    "--workers",
    "2",
    ...pictures,
  );
  for (const { code, stderr } of await workersOf([pictures, pictures])) {
    assert.equal(code, 2);
    assert.match(stderr, /Expected --checkpoint with several workers, who draw together, but found none; evaluate --pictures alone/);
  }
  const { stdout } = await ddpm("launch", "--help");
  assert.match(stdout, /npx ddpm launch --workers 2 sample/);
});
