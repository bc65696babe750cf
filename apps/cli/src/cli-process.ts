import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { freeAddresses } from "@ddpm/backend-node";

/** The program that tests run as people do. */
export const bin = new URL("../bin/ddpm.js", import.meta.url).pathname;

/** Runs the command line in a process of its own. */
export const ddpm = (...args: string[]) => ddpmIn({}, ...args);

const ddpmIn = (env: NodeJS.ProcessEnv, ...args: string[]) =>
  new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
    execFile(process.execPath, [bin, ...args], { env: { ...process.env, ...env } }, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    );
  });

/** Runs a command line for each worker, as a launcher of other makers would, and waits for all. */
export async function workersOf(commands: readonly (readonly string[])[]) {
  const worker = await freeAddresses(commands.length);
  const config = (index: number) => ({ TF_CONFIG: JSON.stringify({ cluster: { worker }, task: { type: "worker", index } }) });
  return Promise.all(commands.map((args, index) => ddpmIn(config(index), ...args)));
}

/** The process id of a launched worker whose command has `run` in it, by what its launcher has given it; undefined until it is there. */
export function workerOf(run: string, rank: number): number | undefined {
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const [words, env] = ["cmdline", "environ"].map((name) => readFileSync(`/proc/${pid}/${name}`, "utf8"));
      if (words!.includes(run) && env!.includes(`"task":{"type":"worker","index":${rank}}`)) return Number(pid);
    } catch {
      // it has ended
    }
  }
  return undefined;
}

/** What a command that must succeed says on stdout. */
export async function succeeds(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await ddpm(...args);
  assert.equal(code, 0, stderr);
  return stdout;
}

/** Runs a command that must end with an exit code, one complaint and no stack. */
export async function fails(expected: RegExp, code: number, ...args: string[]): Promise<void> {
  const result = await ddpm(...args);
  assert.equal(result.code, code, result.stderr);
  assert.match(result.stderr, expected);
  const complaints = result.stderr.split("\n").filter((line) => line.startsWith("ddpm: "));
  if (code === 1) assert.equal(complaints.length, 1, result.stderr);
}

/** The bytes of a run folder's newest training state. */
export function stateOf(run: string): Buffer {
  const states = readdirSync(join(run, "states")).filter((name) => name.endsWith(".safetensors"));
  return readFileSync(join(run, "states", states.sort().at(-1)!));
}

/** Options of a run small enough for tests. */
export const small = "--data shapes --preset tiny --data.height 8 --data.width 8 --train.batch 4 --train.sampleEvery 1000".split(" ");
