import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import fs from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { basename, dirname, join, relative } from "node:path";
import { after, test } from "node:test";
import { configure, decodeModel, initialState, type Numbers, presets, trainingStep } from "@ddpm/core";
import { figure, times } from "@ddpm/torture";
import { RunFolder } from "./run-folder.ts";
import { RunRecord } from "./run-record.ts";
import { logLines } from "./training-log.ts";

const root = mkdtempSync(join(tmpdir(), "ddpm-"));
after(() => rmSync(root, { recursive: true, force: true }));

/** What a disk that loses power may be left with: a file has the bytes of its last sync, a folder the names of its last sync and any first few changes after it. */
class Disk {
  /** The bytes of the file that stands under a name now, as of their last sync. */
  readonly #synced = new Map<string, Uint8Array>();
  /** The names that a loss of power leaves, with their bytes. */
  readonly #lasting = new Map<string, Uint8Array | "folder">();
  readonly #root: string;
  readonly #changes: { readonly path: string; readonly bytes: Uint8Array | "folder" | undefined }[] = [];

  constructor(root: string) {
    this.#root = root;
  }

  /** Content that is on the disk from now on; its name may not be. */
  syncFile(path: string): void {
    const bytes = readFileSync(path);
    this.#synced.set(path, bytes);
    if (this.#lasting.has(path)) this.#lasting.set(path, bytes);
    for (const [i, change] of this.#changes.entries()) if (change.path === path && change.bytes) this.#changes[i] = { path, bytes };
  }

  create(path: string): void {
    if (this.#lasting.has(path) || this.#changes.some((change) => change.path === path && change.bytes)) return;
    this.#changes.push({ path, bytes: statSync(path).isDirectory() ? "folder" : (this.#synced.get(path) ?? new Uint8Array()) });
  }

  rename(from: string, to: string): void {
    const bytes = this.#synced.get(from) ?? new Uint8Array();
    this.#synced.set(to, bytes);
    this.#synced.delete(from);
    this.#changes.push({ path: from, bytes: undefined }, { path: to, bytes });
  }

  remove(path: string): void {
    this.#changes.push({ path, bytes: undefined });
  }

  syncFolder(path: string): void {
    for (let i = 0; i < this.#changes.length; )
      if (dirname(this.#changes[i]!.path) === path) this.#apply(this.#lasting, this.#changes.splice(i, 1)[0]!);
      else i++;
  }

  /** Every folder that a loss of power now may leave: the first few of the changes that were not synced, or each alone. */
  *remains(): Generator<ReadonlyMap<string, Uint8Array | "folder">> {
    for (let n = 0; n <= this.#changes.length; n++) yield this.#with(this.#changes.slice(0, n));
    for (const change of this.#changes.slice(1)) yield this.#with([change]);
  }

  #with(changes: readonly { readonly path: string; readonly bytes: Uint8Array | "folder" | undefined }[]): Map<string, Uint8Array | "folder"> {
    const left = new Map(this.#lasting);
    for (const change of changes) this.#apply(left, change);
    for (const name of [...left.keys()].sort((a, b) => a.length - b.length))
      if (dirname(name) !== this.#root && !left.has(dirname(name))) left.delete(name); // with a folder all in it is lost
    return left;
  }

  #apply(names: Map<string, Uint8Array | "folder">, { path, bytes }: { path: string; bytes: Uint8Array | "folder" | undefined }): void {
    if (bytes === undefined) names.delete(path);
    else names.set(path, bytes);
  }
}

/** Lets a disk hear of what happens in a folder, and calls `between` after each operation. Disposing of it ends that. */
function watched(folder: string, disk: Disk, between: () => void): Disposable {
  const real = { ...fs };
  const within = (path: unknown): path is string => typeof path === "string" && !relative(folder, path).startsWith("..");
  const told = (path: unknown, tell: () => void): void => {
    if (!within(path)) return;
    tell();
    between();
  };
  fs.open = async (path, ...rest) => {
    const handle = await real.open(path, ...rest);
    if (!within(path)) return handle;
    const isFolder = statSync(path).isDirectory();
    if (!isFolder) told(path, () => disk.create(path));
    const sync = handle.sync.bind(handle);
    handle.sync = async () => {
      await sync();
      told(path, () => (isFolder ? disk.syncFolder(path) : disk.syncFile(path)));
    };
    return handle;
  };
  fs.rename = async (from, to) => {
    await real.rename(from, to);
    told(to, () => disk.rename(`${from}`, `${to}`));
  };
  fs.rm = async (path, ...rest) => {
    const there = statSync(`${path}`, { throwIfNoEntry: false }) !== undefined;
    await real.rm(path, ...rest);
    if (there) told(path, () => disk.remove(`${path}`));
  };
  fs.mkdir = (async (path: string, ...rest: [{ recursive: true }]) => {
    const made = await real.mkdir(path, ...rest);
    if (made !== undefined) for (let at = path; within(at) && at.length >= made.length; at = dirname(at)) told(at, () => disk.create(at));
    return made;
  }) as typeof fs.mkdir;
  syncBuiltinESMExports();
  return {
    [Symbol.dispose]() {
      Object.assign(fs, real);
      syncBuiltinESMExports();
    },
  };
}

test("whatever moment the power is lost, a run goes on from its last checkpoint or a newer one", { timeout: 3_600_000 }, async () => {
  const config = configure(presets.tiny, { "train.keepLast": 2, "train.keepBest": true, "train.emaAlso": [0.5] });
  const training = trainingStep(config);
  const shapes = initialState(training, 0);
  const path = join(root, "run");
  const disk = new Disk(path);
  let [saved, remains] = [0, 0];
  const seen = new Map<string, { readonly saved: number; readonly left: ReadonlyMap<string, Uint8Array | "folder"> }>();
  const look = (): void => {
    for (const left of disk.remains()) {
      remains++;
      const print = [...left].map(([name, bytes]) => `${name} ${bytes === "folder" ? bytes : Buffer.from(bytes).toString("base64")}`).sort();
      seen.set(`${saved} ${print.join("\n")}`, { saved, left });
    }
  };
  mkdirSync(path);
  {
    using _ = watched(path, disk, look);
    const folder = new RunFolder(path);
    await folder.prepare();
    await folder.create(config);
    await using record = await RunRecord.open(folder, config, 0);
    for (let step = 1; step <= times({ short: 3, long: 6 }); step++) {
      await record.add({ step, loss: 1 / step });
      const state = new Map([...shapes].map(([name, values]): [string, Numbers] => [name, values.slice().fill(step)]));
      await record.save(training, { state, timesteps: new Map(), step, device: "none" }, { last: true, ends: true });
      saved = step;
    }
  }
  for (const [i, { saved, left }] of [...seen.values()].entries()) {
    const copy = join(root, `${i}`);
    mkdirSync(copy);
    for (const [name, bytes] of [...left].sort(([a], [b]) => a.length - b.length)) {
      const to = join(copy, relative(path, name));
      mkdirSync(bytes === "folder" ? to : dirname(to), { recursive: true });
      if (bytes !== "folder") writeFileSync(to, bytes);
    }
    await check(copy, saved);
    rmSync(copy, { recursive: true });
  }
  figure(
    `Power lost after every operation on files of ${saved} saves: ${seen.size} different folders (of ${remains}) that it may leave, each went on`,
  );

  async function check(copy: string, saved: number): Promise<void> {
    const folder = new RunFolder(copy);
    const names = [...(await fs.readdir(copy, { recursive: true }))].sort();
    const found = await folder.load(config, training);
    assert.ok((found?.step ?? 0) >= saved, `found step ${found?.step} after step ${saved} was saved, in ${names}`);
    if (!found) return;
    assert.ok([...found.state.values()].every((values) => values.every((x) => x === found.step)));
    assert.equal(decodeModel(readFileSync(folder.file("model.safetensors"))).metadata!.step, found.step);
    for (const name of names.filter((name) => /^checkpoints\/.*\d\.safetensors$|^best\.safetensors$/.test(name)))
      assert.ok(decodeModel(readFileSync(join(copy, name))).metadata, basename(name));
    let lines = 0;
    for await (const { step } of logLines(folder.file("log.jsonl"))) assert.equal(step, ++lines);
    assert.ok(lines >= found.step, `${lines} lines of the log for step ${found.step}`);
  }
});
