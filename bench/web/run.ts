/** Forward passes in a browser, side by side: see ../README.md. */
import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import pinned from "../package.json" with { type: "json" };
import { head, type Machine, machine } from "../report.ts";
import { findChromium, openTab } from "./browser.ts";
import { type ContenderKey, contenderKeys, contenders } from "./contenders.ts";
import { exportOnnx, findRuntime, type Runtime } from "./onnx.ts";
import { expected } from "./reference.ts";
import { firsts, measure, type Result } from "./rounds.ts";
import { serve } from "./server.ts";
import { tables } from "./table.ts";

const usage = `npm run bench:web -- [--rounds 5] [--only ${contenderKeys}] [--threads N] [--python PATH] [--json]`;
const say = (line: string) => console.error(line);

/** Fails with exit code 2, as all of our commands do on wrong usage. */
function misused(message: string): never {
  console.error(`${message}\n${usage}`);
  process.exit(2);
}

function options() {
  try {
    return parseArgs({
      options: {
        rounds: { type: "string", default: "5" },
        only: { type: "string", default: contenderKeys.join() },
        threads: { type: "string", default: String(Math.max(1, availableParallelism() >> 1)) },
        python: { type: "string" },
        json: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    }).values;
  } catch (error) {
    return misused((error as Error).message);
  }
}

function count(flag: string, text: string): number {
  const value = Number(text);
  return Number.isInteger(value) && value > 0 ? value : misused(`Expected ${flag} to be a positive integer but found ${text}`);
}

function chosen(only: string): ContenderKey[] {
  const names = only.split(",");
  const unknown = names.find((name) => !(contenderKeys as string[]).includes(name));
  return unknown === undefined ? (names as ContenderKey[]) : misused(`Unknown contender ${unknown}`);
}

interface Settings {
  readonly keys: readonly ContenderKey[];
  readonly rounds: number;
  /** Of each contender that runs on WebAssembly. */
  readonly threads: number;
  readonly python: string | undefined;
}

interface Prepared {
  readonly runtime?: Runtime;
  /** Why there is none. */
  readonly notes: readonly string[];
}

/** Finds onnxruntime and writes the model that it needs to `folder`. */
function prepare({ keys, python }: Settings, folder: string): Prepared {
  if (!keys.includes("onnx")) return { notes: [] };
  say("Exporting PyTorch's model to ONNX");
  try {
    exportOnnx(folder, python);
    return { runtime: findRuntime(python), notes: [] };
  } catch (error) {
    const note = `${contenders.onnx.name} skipped: ${(error as Error).message}`;
    say(note);
    return { notes: [note] };
  }
}

async function facts(executable: string, url: string, threads: number, runtime?: Runtime): Promise<Machine> {
  await using tab = await openTab(executable, url);
  const { renderer, isolated } = await tab.facts();
  return {
    ...machine(),
    Chromium: tab.version,
    WebGL: renderer,
    tfjs: pinned.dependencies["@tensorflow/tfjs"],
    ...(runtime && { "onnxruntime-web": runtime.version }),
    "Threads asked of WebAssembly": `${threads}, ${isolated ? "" : "not "}isolated from other origins`,
  };
}

async function run(settings: Settings, folder: string): Promise<{ found: Machine; result: Result }> {
  const { rounds, threads } = settings;
  const executable = findChromium();
  const { runtime, notes } = prepare(settings, folder);
  const keys = settings.keys.filter((key) => key !== "onnx" || runtime);
  await using server = await serve(folder, runtime?.folder);
  const found = await facts(executable, server.url, threads, runtime);
  const open = (key: ContenderKey) => openTab(executable, server.url, { key, threads });
  const reference = { one: await expected(firsts.one), four: await expected(firsts.four) };
  const { measured, skipped } = await measure(keys, { open, expected: reference, rounds, say });
  return { found, result: { measured, skipped: [...notes, ...skipped] } };
}

async function main(): Promise<void> {
  const flags = options();
  if (flags.help) return console.log(usage);
  const [rounds, threads] = [count("--rounds", flags.rounds), count("--threads", flags.threads)];
  const settings = { keys: chosen(flags.only), rounds, threads, python: flags.python };
  const folder = mkdtempSync(join(tmpdir(), "ddpm-bench-web-"));
  try {
    const { found, result } = await run(settings, folder);
    if (flags.json) return console.log(JSON.stringify({ ...found, rounds, ...result, measured: Object.fromEntries(result.measured) }, null, 2));
    console.log(head(found));
    console.log(tables(result, rounds));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

await main();
