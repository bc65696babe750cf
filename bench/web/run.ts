/** Forward passes in a browser, side by side: see ../README.md. */
import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { commandLine } from "../command-line.ts";
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

const line = commandLine(usage);

const options = {
  rounds: { type: "string", default: "5" },
  only: { type: "string", default: contenderKeys.join() },
  threads: { type: "string", default: String(Math.max(1, availableParallelism() >> 1)) },
  python: { type: "string" },
  json: { type: "boolean", default: false },
  help: { type: "boolean", default: false },
} as const;

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
  const flags = line.flags(options);
  if (flags.help) return console.log(usage);
  const [rounds, threads] = [line.count("--rounds", flags.rounds), line.count("--threads", flags.threads)];
  const settings = { keys: line.names(flags.only, contenderKeys, "contender"), rounds, threads, python: flags.python };
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
