import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { configure, decodeModel, presets, trainingStep } from "@ddpm/core";
import { stream, uniforms } from "@ddpm/core/random";
import { figure, seed, times } from "@ddpm/torture";
import { bin, small, stateOf, succeeds } from "./cli-process.ts";
import { RunFolder } from "./run-folder.ts";
import { logLines } from "./training-log.ts";

const root = mkdtempSync(join(tmpdir(), "ddpm-"));
after(() => rmSync(root, { recursive: true, force: true }));
const program = new URL("../test/endless-run.ts", import.meta.url).pathname;
const config = configure(presets.tiny, { "train.emaAlso": [0.5] });
const training = trainingStep(config);

let draws = 0;
/** Another number in [0, 1) at each call. */
const random = (): number => uniforms(stream(seed, "start", ++draws), 4)[0]!;

async function kill(child: ChildProcess): Promise<void> {
  child.kill("SIGKILL");
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
}

test("a run that is killed in the midst of writing goes on from its last checkpoint or a newer one", { timeout: 3_600_000 }, async () => {
  const path = join(root, "endless");
  const kills = times({ short: 6, long: 300 });
  const counts = { saves: 0, ahead: 0, leftovers: 0 };
  for (let i = 0; i < kills; i++) {
    const child = spawn(process.execPath, ["--import", "tsx", program, path], { stdio: ["ignore", "pipe", "inherit"] });
    let said = "";
    child.stdout.on("data", (text: Buffer) => {
      said += text;
    });
    await once(child.stdout, "data");
    await wait(120 * random());
    await kill(child);
    const saves = said.split("\n").slice(0, -1).map(Number);

    const folder = new RunFolder(path);
    counts.leftovers += readdirSync(path).filter((name) => name.endsWith(".tmp")).length;
    const found = await folder.load(config, training);
    const last = saves.at(-1)!;
    assert.ok(found && (found.step === last || found.step === last + 1), `found step ${found?.step} after step ${last} was saved`);
    assert.ok([...found.state.values()].every((values) => values.every((x) => x === found.step)));
    for (const [name, value] of decodeModel(readFileSync(folder.file("model.safetensors"))).parameters)
      assert.ok(
        value.data.every((x) => x === found.step),
        name,
      );
    for (const name of readdirSync(folder.file("checkpoints")).filter((name) => name.endsWith(".safetensors")))
      assert.equal(decodeModel(readFileSync(folder.file(`checkpoints/${name}`))).metadata!.step, Number(/\d+/.exec(name)![0]));
    assert.ok(decodeModel(readFileSync(folder.file("best.safetensors"))).metadata!.step >= last);
    let lines = 0;
    for await (const { step } of logLines(folder.file("log.jsonl"))) assert.equal(step, ++lines);
    assert.ok(lines >= found.step, `${lines} lines of the log for step ${found.step}`);
    counts.saves += saves.length;
    counts.ahead += Number(found.step > last);
  }
  figure(
    `Killed with SIGKILL while writing: ${kills} times in ${counts.saves} saves, each time the last checkpoint or one that was not reported yet (${counts.ahead}) was found whole; ${counts.leftovers} unfinished files were left and removed`,
  );
});

test("a training that is killed again and again ends with the bytes of one that never was", { timeout: 3_600_000 }, async () => {
  const steps = times({ short: 40, long: 600 });
  const run = ["--train.checkpointEvery", "3", "--train.keepLast", "2", "--train.emaAlso", "0.5", "--steps", `${steps}`];
  const [whole, killed] = [join(root, "whole"), join(root, "killed")];
  await succeeds("train", ...small, ...run, "--out", whole);
  const most = times({ short: 3, long: 60 });
  let [kills, lost] = [0, 0];
  for (let finished = false; !finished; ) {
    const begun = existsSync(join(killed, "config.json"));
    const args = begun ? ["--resume", "--steps", `${steps}`] : [...small, ...run];
    const child = spawn(process.execPath, [bin, "train", ...args, "--out", killed], { stdio: ["ignore", "ignore", "pipe"] });
    let said = "";
    child.stderr.on("data", (text: Buffer) => {
      said += text;
    });
    const exit = once(child, "exit");
    if (kills < most) {
      const running = kills % 4 === 3 ? wait(1500 * random()) : once(child.stderr, "data"); // now and then before it has begun
      await Promise.race([running, exit]);
      await Promise.race([wait(kills % 4 === 3 ? 0 : 2000 * random()), exit]);
      if (child.exitCode === null) kills++;
      await kill(child);
      finished = child.exitCode === 0;
      if (!begun && !existsSync(join(killed, "config.json"))) continue;
      const [reached, folder] = [await stepsOf(killed), new RunFolder(killed)];
      const config = await folder.config();
      const found = await folder.load(config, trainingStep(config));
      const ahead = reached - (found?.step ?? 0);
      assert.ok(ahead <= 3, `${ahead} steps were lost`);
      lost = Math.max(lost, ahead);
    } else {
      await exit;
      assert.equal(child.exitCode, 0, said);
      finished = true;
    }
  }
  assert.ok(stateOf(whole).equals(stateOf(killed)));
  for (const name of [
    "model.safetensors",
    "model-ema-0.5.safetensors",
    ...readdirSync(join(whole, "checkpoints")).map((name) => `checkpoints/${name}`),
  ])
    assert.ok(readFileSync(join(whole, name)).equals(readFileSync(join(killed, name))), name);
  figure(
    `Killed with SIGKILL while training: ${kills} times, at most ${lost} steps lost with a checkpoint every 3, all ${steps} steps then the same bytes`,
  );
});

/** The last step that a run's log has. */
async function stepsOf(path: string): Promise<number> {
  let last = 0;
  if (existsSync(join(path, "log.jsonl"))) for await (const { step } of logLines(join(path, "log.jsonl"))) last = step!;
  return last;
}
