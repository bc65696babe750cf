import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { test } from "node:test";
import { figure, seed, times } from "@ddpm/torture";
import { readers } from "../test/readers.ts";

const program = new URL("../test/spoilt-reader.ts", import.meta.url);
/** What a reader may hold beyond what it begins with, in MiB: files are a few KiB. */
const allowed = 600;
/** Seconds after which a reader of one small file counts as hanging. */
const patience = 60;

interface Message {
  readonly reads?: number;
  readonly outcome?: string;
  readonly resident?: number;
}

for (const name of Object.keys(await readers())) {
  test(`spoilt files are read or refused: ${name}`, { timeout: 3_600_000 }, async () => {
    const slow = /PNG|folders|zip|parquet/.test(name);
    const tries = times({ short: slow ? 60 : 150, long: slow ? 6000 : 20_000 });
    const child = fork(program, [name, `${seed}`, "0", `${tries}`], {
      execArgv: ["--import", "tsx", "--max-old-space-size=400", "--disallow-code-generation-from-strings"],
    });
    const { counts, grown } = await outcomes(child, name);
    assert.equal(counts.read + counts.refused, tries);
    figure(`${name}: ${tries} spoilt files, ${counts.read} read and ${counts.refused} refused, at most ${grown.toFixed(0)} MiB more than at first`);
  });
}

async function outcomes(child: ChildProcess, name: string): Promise<{ counts: { read: number; refused: number }; grown: number }> {
  const counts = { read: 0, refused: 0 };
  let [reads, first, most] = [0, 0, 0];
  let watchdog: NodeJS.Timeout | undefined;
  await new Promise<void>((resolve, reject) => {
    const fail = (what: string): void => {
      child.kill("SIGKILL");
      reject(new Error(`${name}, seed ${seed}, input ${reads}: ${what}`));
    };
    child.on("message", ({ reads: next, outcome, resident }: Message) => {
      clearTimeout(watchdog);
      if (next !== undefined) {
        reads = next;
        watchdog = setTimeout(() => fail(`nothing after ${patience} s`), 1000 * patience);
      }
      if (outcome === "read" || outcome === "refused") counts[outcome]++;
      else if (outcome !== undefined) fail(outcome);
      first ||= resident ?? 0;
      most = Math.max(most, resident ?? 0);
      if ((most - first) / 2 ** 20 > allowed) fail(`${((most - first) / 2 ** 20).toFixed(0)} MiB more than at first`);
    });
    child.on("exit", (code, signal) => {
      clearTimeout(watchdog);
      if (code === 0) resolve();
      else fail(`ended with ${code ?? signal}`);
    });
  });
  return { counts, grown: (most - first) / 2 ** 20 };
}
