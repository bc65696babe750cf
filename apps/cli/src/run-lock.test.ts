import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { RunLock } from "./run-lock.ts";

const folder = mkdtempSync(join(tmpdir(), "ddpm-"));
after(() => rmSync(folder, { recursive: true, force: true }));

/** A process that takes the lock and says whether it has it, then holds it until it is killed. */
function taker(path: string) {
  const program = `import { RunLock } from ${JSON.stringify(new URL("run-lock.ts", import.meta.url).href)};
    try { globalThis.lock = await RunLock.take(${JSON.stringify(path)}); console.log("taken"); setInterval(() => {}, 1000); }
    catch (error) { console.log(error.message); }`;
  const child = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "--eval", program], { stdio: ["ignore", "pipe", "inherit"] });
  return { child, said: once(child.stdout, "data").then(([text]) => String(text).trim()) };
}

test("a second process is refused, by name of the first, until that ends, even by SIGKILL", async () => {
  const path = join(folder, "lock");
  const first = taker(path);
  assert.equal(await first.said, "taken");
  const refused = new RegExp(
    `^Expected a run that nobody writes to but found it held by process ${first.child.pid} on ${hostname()} since 20.*; wait for it, stop it, or`,
  );
  assert.match(await taker(path).said, refused);
  await assert.rejects(RunLock.take(path), { message: refused });
  first.child.kill("SIGKILL");
  await once(first.child, "exit");
  await using _ = await RunLock.take(path);
  assert.match(readFileSync(path, "utf8"), new RegExp(`^process ${process.pid} on `));
});

test("of many that race for a dead process's lock one gets it", async () => {
  const path = join(folder, "raced");
  const dead = taker(path);
  await dead.said;
  dead.child.kill("SIGKILL");
  const racers = Array.from({ length: 6 }, () => taker(path));
  const said = await Promise.all(racers.map(({ said }) => said));
  assert.equal(said.filter((line) => line === "taken").length, 1, said.join("\n"));
  for (const { child } of racers) child.kill("SIGKILL");
});

test("a lock that was given back can be taken again in the same process, and not before", async () => {
  const path = join(folder, "own");
  const lock = await RunLock.take(path);
  await assert.rejects(RunLock.take(path), /held by process/);
  await lock[Symbol.asyncDispose]();
  await (await RunLock.take(path))[Symbol.asyncDispose]();
});
