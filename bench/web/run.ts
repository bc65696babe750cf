/** Forward passes in a browser, side by side: see ../README.md. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { head, type Machine, machine } from "../report.ts";
import { findChromium, openTab } from "./browser.ts";
import { type ContenderKey, contenderKeys, contenders } from "./contenders.ts";
import { exportOnnx } from "./onnx.ts";
import { expected } from "./reference.ts";
import { firsts, measure, type Result } from "./rounds.ts";
import { serve } from "./server.ts";
import { tables } from "./table.ts";

const usage = `npm run bench:web -- [--rounds 5] [--only ${contenderKeys}] [--python PATH] [--json]`;
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
        python: { type: "string" },
        json: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    }).values;
  } catch (error) {
    return misused((error as Error).message);
  }
}

function count(text: string): number {
  const value = Number(text);
  return Number.isInteger(value) && value > 0 ? value : misused(`Expected --rounds to be a positive integer but found ${text}`);
}

function chosen(only: string): ContenderKey[] {
  const names = only.split(",");
  const unknown = names.find((name) => !(contenderKeys as string[]).includes(name));
  return unknown === undefined ? (names as ContenderKey[]) : misused(`Unknown contender ${unknown}`);
}

/** The contenders that can take part, and why others cannot: onnxruntime needs a model that PyTorch writes. */
function gather(keys: readonly ContenderKey[], folder: string, python?: string): { keys: ContenderKey[]; skipped: string[] } {
  if (!keys.includes("onnx")) return { keys: [...keys], skipped: [] };
  say("Exporting PyTorch's model to ONNX");
  try {
    exportOnnx(folder, python);
    return { keys: [...keys], skipped: [] };
  } catch (error) {
    const skipped = `${contenders.onnx.name} skipped: ${(error as Error).message}`;
    say(skipped);
    return { keys: keys.filter((key) => key !== "onnx"), skipped: [skipped] };
  }
}

async function facts(executable: string, url: string): Promise<Machine> {
  await using tab = await openTab(executable, url);
  const { renderer, isolated } = await tab.facts();
  return { ...machine(), Chromium: tab.version, WebGL: renderer, "Cross-origin isolated": isolated ? "yes" : "no" };
}

async function run(asked: readonly ContenderKey[], rounds: number, folder: string, python?: string): Promise<{ facts: Machine; result: Result }> {
  const { keys, skipped } = gather(asked, folder, python);
  await using server = await serve(folder);
  const executable = findChromium();
  const found = await facts(executable, server.url);
  const reference = { one: await expected(firsts.one), four: await expected(firsts.four) };
  const open = (key: ContenderKey) => openTab(executable, server.url, key);
  const result = await measure(keys, { open, expected: reference, rounds, say });
  return { facts: found, result: { ...result, skipped: [...skipped, ...result.skipped] } };
}

async function main(): Promise<void> {
  const flags = options();
  if (flags.help) return console.log(usage);
  const [keys, rounds] = [chosen(flags.only), count(flags.rounds)];
  const folder = mkdtempSync(join(tmpdir(), "ddpm-bench-web-"));
  try {
    const { facts, result } = await run(keys, rounds, folder, flags.python);
    if (flags.json) return console.log(JSON.stringify({ ...facts, rounds, ...result, measured: Object.fromEntries(result.measured) }, null, 2));
    console.log(head(facts));
    console.log(tables(result, rounds));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

await main();
