import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { bin, ddpm, fails, small, stateOf, succeeds, workerOf, workersOf } from "./cli-process.ts";
import { logLines } from "./training-log.ts";

const folder = mkdtempSync(join(tmpdir(), "ddpm-launch-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const train = (out: string, steps: number, ...more: string[]): string[] => [
  ...["train", ...small, "--device", "tensorflow:cpu", "--steps", `${steps}`, "--train.checkpointEvery", "5", "--out", out, ...more],
];

/** Starts a launch, calls `at` once the run's log has `step`, and waits for its end. */
async function disturbed(run: string, args: string[], step: number, at: (launcher: ReturnType<typeof spawn>) => void) {
  const launcher = spawn(process.execPath, [bin, "launch", "--listen", "--workers", "2", ...args]);
  const said: string[] = [];
  launcher.stderr.on("data", (chunk: Buffer) => said.push(`${chunk}`));
  const ended = once(launcher, "exit");
  const reached = async (): Promise<boolean> => {
    for await (const line of logLines(join(run, "log.jsonl"))) if (line["step"]! >= step) return true;
    return false;
  };
  while (launcher.exitCode === null && !(await reached().catch(() => false))) await new Promise((resolve) => setTimeout(resolve, 50));
  at(launcher);
  const [code] = (await ended) as [number];
  return { code, stderr: said.join("") };
}

const whole = join(folder, "whole");

test("two workers on one machine train the run of one", async () => {
  assert.match(await succeeds("launch", "--listen", "--workers", "2", ...train(whole, 40)), /Trained to step 40/);
  const alone = join(folder, "alone");
  await succeeds(...train(alone, 40));
  const losses = async (run: string): Promise<number[]> => {
    const found = [];
    for await (const { loss } of logLines(join(run, "log.jsonl"))) found.push(loss!);
    return found;
  };
  const [one, two] = [await losses(alone), await losses(whole)];
  assert.equal(two.length, 40);
  for (const [i, loss] of two.entries()) assert.ok(Math.abs(loss / one[i]! - 1) < 1e-5, `step ${i + 1}: ${loss} against ${one[i]}`);
  assert.match(
    readFileSync(join(whole, "workers", "worker-1.log"), "utf8"),
    /This is worker 1 of 2(; it listens on port \d+ of every network .*)?\n/,
  );
});

for (const victim of [0, 1]) {
  test(`a run whose worker ${victim} was killed goes on from its last checkpoint, to the same bytes`, async () => {
    const run = join(folder, `killed-${victim}`);
    const { code, stderr } = await disturbed(run, ["--max-restarts", "1", ...train(run, 40)], 12, () =>
      process.kill(workerOf(run, victim)!, "SIGKILL"),
    );
    assert.equal(code, 0, stderr);
    assert.match(stderr, new RegExp(`Starting all workers again, since worker ${victim} was ended by SIGKILL`));
    assert.deepEqual(stateOf(run), stateOf(whole));
  });
}

test("SIGTERM saves and ends all workers, and one goes on alone with the same losses", async () => {
  const run = join(folder, "ended");
  const { code, stderr } = await disturbed(run, train(run, 100_000), 12, (launcher) => launcher.kill("SIGTERM"));
  assert.equal(code, 143, stderr);
  const log = readFileSync(join(run, "workers", "worker-1.log"), "utf8");
  assert.match(log, /ddpm: Expected to go on but found that worker 0 \(.*\) has ended the run; start all again, train with --resume/);
  const [, step] = /Saved step (\d+); go on with/.exec(stderr)!;
  await succeeds(...train(run, Number(step) + 5, "--resume"));
});

test("SIGTERM while the workers start ends launch as asked, and starts none again", async () => {
  const run = join(folder, "early");
  const launcher = spawn(process.execPath, [bin, "launch", "--listen", "--workers", "2", "--max-restarts", "3", ...train(run, 40)]);
  let said = "";
  launcher.stderr.on("data", (chunk: Buffer) => {
    if (!said.includes("What workers after") && `${said}${chunk}`.includes("What workers after")) setTimeout(() => launcher.kill("SIGTERM"), 100);
    said += chunk;
  });
  const [code] = (await once(launcher, "exit")) as [number];
  assert.equal(code, 143, said);
  assert.doesNotMatch(said, /Starting all workers again/);
});

test("options that a worker refuses are not tried again", async () => {
  const command = train(join(folder, "refused"), 3, "--train.lr", "fast");
  const { code, stderr } = await ddpm("launch", "--listen", "--workers", "2", "--max-restarts", "3", ...command);
  assert.equal(code, 1, stderr);
  assert.match(stderr, /found that worker \d ended with code 2/);
  assert.doesNotMatch(stderr, /Starting all workers again/);
});

test("workers that would not do the same are refused, by all of them", async () => {
  const ended = await workersOf([train(join(folder, "unlike"), 3), train(join(folder, "unlike"), 3, "--seed", "5")]);
  for (const { code, stderr } of ended) {
    assert.equal(code, 1);
    assert.match(stderr, /Expected all workers to do the same but found seed 5 at worker 1 and 0 at worker 0; start all alike/);
  }
});

test("what all workers fail at is said, and not tried for ever", async () => {
  const result = await ddpm("launch", "--listen", "--workers", "2", ...train(join(folder, "never"), 3, "--data", join(folder, "nothing")));
  assert.equal(result.code, 1, result.stderr);
  assert.match(
    result.stderr,
    /Expected all 2 workers to finish but found that worker \d ended with code \d.*; go on with --resume, or let it with --max-/,
  );
});

test("launch says what it needs", async () => {
  const command = [bin, "launch", "train", "--data", "shapes", "--out", join(folder, "none")];
  const launched = (env: NodeJS.ProcessEnv, ...more: string[]) =>
    spawnSync(process.execPath, [...command.slice(0, 2), ...more, ...command.slice(2)], { env: { PATH: "", ...env }, encoding: "utf8" });
  const bare = (...more: string[]) => launched({}, ...more);
  assert.match(bare().stderr, /Expected --workers with a number of processes, which is otherwise that of the GPUs, but found no GPU; add it/);
  assert.match(
    bare("--workers", "2").stderr,
    /Expected a network of their own for the workers, who would answer anyone in this machine's, but found .*ENOENT; allow it, or add --listen/,
  );
  assert.match(launched({ CUDA_VISIBLE_DEVICES: "3" }, "--workers", "2").stderr, /Expected at most 1 workers on this machine, .*\(3\), but found 2/);
  await fails(/Expected train, sample, evaluate after launch's own options but found inspect; what else/, 2, "launch", "inspect");
  await fails(/Expected --out with the run's folder after train/, 2, "launch", "--workers", "2", "train", "--data", "shapes");
  const { stdout } = await ddpm("launch", "--help");
  assert.match(stdout, /npx ddpm launch --workers 2 train/);
});
