import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { bin, ddpm, fails, small, stateOf, succeeds } from "./cli-process.ts";
import { AppendedFile, isRefusal, writeAtomically } from "./files.ts";

const folder = mkdtempSync(join(tmpdir(), "ddpm-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const at = (name: string): string => join(folder, name);

/** Runs the command line where no file may grow beyond some KiB, which fails as a full disk or a quota does, but for these files alone. */
const limited = (kib: number, ...args: string[]) =>
  new Promise<{ code: number; stderr: string }>((resolve) => {
    const command = `trap '' XFSZ; ulimit -f ${kib}; exec "$@"`;
    execFile("bash", ["-c", command, "bash", process.execPath, bin, ...args], (error, _, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, stderr }),
    );
  });

test("a checkpoint that the disk refuses is told, training goes on, and the one before stays whole", async () => {
  const run = [...small, "--train.checkpointEvery", "2", "--steps", "8"];
  await succeeds("train", ...run, "--out", at("whole"));
  await succeeds("train", ...run.slice(0, -1), "4", "--out", at("refused"));
  const [state, model] = [stateOf(at("refused")), readFileSync(at("refused/model.safetensors"))];
  const roomForModels = Math.ceil(statSync(at("refused/model.safetensors")).size / 1024) + 1;
  assert.ok(state.length > 2 * 1024 * roomForModels);

  const { code, stderr } = await limited(roomForModels, "train", "--resume", "--steps", "8", "--out", at("refused"));
  assert.equal(code, 1, stderr);
  assert.match(
    stderr,
    /Could not save step 6: Expected to write .*step-000006.safetensors but found EFBIG.*; the checkpoint of step 4 stays as it was, and the next/,
  );
  assert.match(stderr, /ddpm: Expected to write .*step-000008.safetensors but found EFBIG.*; the checkpoint of step 4 stays as it was\n/);
  assert.ok(stateOf(at("refused")).equals(state));
  assert.deepEqual(
    readdirSync(at("refused"), { recursive: true }).filter((name) => `${name}`.endsWith(".tmp")),
    [],
  );

  await succeeds("train", "--resume", "--steps", "8", "--out", at("refused"));
  assert.ok(stateOf(at("refused")).equals(stateOf(at("whole"))));
  assert.ok(readFileSync(at("refused/model.safetensors")).equals(readFileSync(at("whole/model.safetensors"))));
  assert.ok(!model.equals(readFileSync(at("refused/model.safetensors"))));
});

test("a log, events, curves and pictures that the disk refuses do not end training, and are told once", async () => {
  const { code, stderr } = await limited(0, "train", ...small, "--train.sampleEvery", "2", "--steps", "4", "--out", at("nothing"));
  assert.equal(code, 1, stderr);
  assert.match(stderr, /ddpm: Expected to write .*config.json but found EFBIG/);

  await succeeds("train", ...small, "--steps", "2", "--out", at("little"));
  const later = await limited(4, "train", "--resume", "--train.sampleEvery", "2", "--steps", "60", "--out", at("little"));
  assert.equal(later.code, 1, later.stderr);
  for (const what of ["the log", "loss.svg", "TensorBoard's events"])
    assert.equal(later.stderr.split(`Could not write ${what}: `).length, 2, `${what}: ${later.stderr}`);
  assert.match(later.stderr, /; the checkpoint of step 2 stays as it was\n/);
  await succeeds("train", "--resume", "--steps", "60", "--out", at("little"));
  const lines = readFileSync(at("little/log.jsonl"), "utf8").trim().split("\n");
  assert.deepEqual(
    lines.map((line) => (JSON.parse(line) as { step: number }).step),
    Array.from({ length: 60 }, (_, i) => i + 1),
  );
});

test("a file that grows takes back what it could not write whole", async () => {
  const program = `
    const { AppendedFile } = await import(${JSON.stringify(new URL("files.ts", import.meta.url).href)});
    const file = await AppendedFile.open(${JSON.stringify(at("grown"))});
    for (const line of ["a".repeat(900), "b".repeat(900), "c".repeat(100)]) await file.append(line + "\\n").catch(({ code }) => console.log(code));`;
  const said = await new Promise((resolve) => {
    const args = [
      "-c",
      `trap '' XFSZ; ulimit -f 1; exec "$@"`,
      "bash",
      process.execPath,
      "--import",
      "tsx",
      "--input-type=module",
      "--eval",
      program,
    ];
    execFile("bash", args, (_, stdout) => resolve(stdout));
  });
  assert.equal(said, "EFBIG\n");
  assert.deepEqual(readFileSync(at("grown"), "utf8"), `${"a".repeat(900)}\n${"c".repeat(100)}\n`);
});

test("what the system refuses is told from other errors", async () => {
  writeFileSync(at("file"), "");
  await assert.rejects(writeAtomically(at("file/below"), "x"), (error) => isRefusal(error));
  await assert.rejects(AppendedFile.open(at("missing/file")), (error) => isRefusal(error));
  for (const other of [new RangeError("x"), new Error("x", { cause: new TypeError("y") }), undefined, "ENOSPC"])
    assert.equal(isRefusal(other), false);
});

test("--checkpoint-every takes steps or a time", async () => {
  await succeeds("train", ...small, "--checkpoint-every", "0.001s", "--train.keepLast", "9", "--steps", "3", "--out", at("timed"));
  assert.deepEqual(readdirSync(at("timed/checkpoints")), ["step-000001.safetensors", "step-000002.safetensors", "step-000003.safetensors"]);
  const { code, stderr } = await ddpm("train", "--resume", "--checkpoint-every", "2", "--steps", "4", "--out", at("timed"));
  assert.equal(code, 0, stderr);
  assert.equal(JSON.parse(readFileSync(at("timed/config.json"), "utf8"))["train.checkpointEvery"], 2);
  for (const wrong of ["0", "0m", "-1", "10 minutes", "m", "1d"])
    await fails(/Expected a number of steps, or a time as 30s, 10m or 2h/, 2, "train", ...small, "--checkpoint-every", wrong, "--out", at("x"));
});

test("a run that another process trains is refused", async () => {
  const first = ddpm("train", ...small, "--steps", "200", "--out", at("locked"));
  while (!readdirSync(folder).includes("locked") || !readdirSync(at("locked")).includes("log.jsonl"))
    await new Promise((resolve) => setTimeout(resolve, 50));
  await fails(
    /Expected a run that nobody writes to but found it held by process \d+ on .*/,
    1,
    "train",
    "--resume",
    "--steps",
    "300",
    "--out",
    at("locked"),
  );
  assert.equal((await first).code, 0);
});
