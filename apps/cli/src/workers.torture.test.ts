import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { stream, uniforms } from "@ddpm/core/random";
import { figure, seed, times } from "@ddpm/torture";
import { bin, small, stateOf, succeeds, workerOf } from "./cli-process.ts";

const folder = mkdtempSync(join(tmpdir(), "ddpm-workers-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const launch = (run: string): string[] => [
  ...["launch", "--listen", "--workers", "3", "--max-restarts", "1", "train", ...small],
  ...["--train.batch", "6", "--device", "tensorflow:cpu", "--steps", "60", "--train.checkpointEvery", "5", "--out", run],
];

/** Launches a run and kills a worker so many seconds after it has come; returns what launch said, or undefined where the worker ended before. */
async function killed(run: string, rank: number, seconds: number): Promise<string | undefined> {
  const launcher = spawn(process.execPath, [bin, ...launch(run)], { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  launcher.stderr.on("data", (chunk: Buffer) => {
    said += chunk;
  });
  const ended = once(launcher, "exit") as Promise<[number]>;
  let pid: number | undefined;
  while (pid === undefined) {
    await wait(20);
    pid = workerOf(run, rank);
  }
  await wait(1000 * seconds);
  const alive = workerOf(run, rank) === pid;
  if (alive) process.kill(pid, "SIGKILL");
  const [code] = await ended;
  assert.equal(code, 0, said);
  return alive ? said : undefined;
}

test("workers killed at random moments: each run ends with the bytes of an undisturbed one", { timeout: 3_600_000 }, async () => {
  const whole = join(folder, "whole");
  await succeeds(...launch(whole));
  const kills = times({ short: 1, long: 30 });
  const seconds = Array.from({ length: kills }, (_, i) => 7 * uniforms(stream(seed, "start", i), 4)[0]!);
  const counts = { killed: 0, starting: 0, over: 0 };
  for (const [i, moment] of seconds.entries()) {
    const run = join(folder, `${i}`);
    const rank = (i + 2) % 3;
    const said = await killed(run, rank, moment);
    assert.deepEqual(stateOf(run), stateOf(whole), `worker ${rank} killed after ${moment} s: ${said}`);
    if (said === undefined) counts.over++;
    else {
      counts.killed++;
      if (!/Training on[\s\S]*Starting all workers again/.test(said)) counts.starting++;
      assert.match(said, new RegExp(`Starting all workers again, since worker ${rank} was ended by SIGKILL`));
    }
    rmSync(run, { recursive: true });
  }
  figure(
    `Runs of three workers of which one, each in turn, was killed with SIGKILL at a random moment: ${counts.killed} (${counts.starting} while it started; ${counts.over} more were over before); with --max-restarts 1 all ended with the bytes of an undisturbed run`,
  );
});
