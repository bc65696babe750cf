import assert from "node:assert/strict";
import { execFile, execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { stream, uniforms } from "@ddpm/core/random";
import { figure, long, seed, times } from "@ddpm/torture";
import { bin, ddpm, small, stateOf, succeeds } from "./cli-process.ts";

const folder = mkdtempSync(join(tmpdir(), "ddpm-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const at = (name: string): string => join(folder, name);
mkdirSync(at("disk"));

interface Disk {
  readonly name: string;
  /** What holds nothing yet takes so much of it. */
  readonly least: number;
  /** Mounts $2 KiB on $1/disk, in a namespace of its own that leaves nothing mounted. */
  readonly mount: string;
  readonly namespace: readonly string[];
}

const tmpfs: Disk = { name: "tmpfs", least: 8, mount: `mount -t tmpfs -o size=$2k none "$1/disk"`, namespace: ["--map-root-user", "--mount"] };
const ext4: Disk = {
  name: "ext4",
  least: 256,
  mount: `rm -f "$1/image"; truncate -s $2k "$1/image"; mkfs.ext4 -qF "$1/image"; mount -o loop "$1/image" "$1/disk"`,
  namespace: ["--mount"],
};

/** A shell's command on a disk of some KiB, for which `unshare` needs leave: of the user for tmpfs, of root for ext4. */
const command = (disk: Disk, kib: number, script: string): string[] => [
  ...disk.namespace,
  ...["bash", "-c", `set -e; ${disk.mount}; cd "$1"; shift 2; ${script}`, "bash", folder, String(kib)],
];
const mayMount = (disk: Disk): boolean => spawnSync("unshare", command(disk, 4096, "true")).status === 0;

/** Runs the command line on a disk of some KiB, with a run in it or none, and copies what then is on the disk to the folder `kept`. */
function onDisk(disk: Disk, kib: number, args: readonly string[], { before = ":" } = {}) {
  const script = `${before}; code=0; "$@" || code=$?; rm -rf kept; cp -r disk kept; exit $code`;
  return new Promise<{ code: number; stderr: string }>((resolve) =>
    execFile("unshare", [...command(disk, kib, script), process.execPath, bin, ...args], (error, _, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, stderr }),
    ),
  );
}

const run = [...small, "--train.checkpointEvery", "2", "--train.keepLast", "9", "--steps", "12"];
const namesOf = (path: string): string[] => readdirSync(path, { recursive: true }).map(String);

before(() => succeeds("train", ...run, "--out", at("whole")));

for (const disk of long ? [tmpfs, ext4] : [tmpfs]) {
  const skip = !long && !mayMount(disk) && "unshare may not mount here";
  test(`a run on ${disk.name} that fills up at some point goes on from its last checkpoint to the same bytes`, {
    skip,
    timeout: 3_600_000,
  }, async () => {
    const size = Number(execFileSync("du", ["-sk", at("whole")], { encoding: "utf8" }).split("\t")[0]);
    const tries = times({ short: 2, long: 40 });
    let began = 0;
    for (let i = 0; i < tries; i++) {
      const kib = Math.round(disk.least + 0.9 * size * ((i + uniforms(stream(seed, "start", i), 4)[0]!) / tries));
      const { code, stderr } = await onDisk(disk, kib, ["train", ...run, "--out", at("disk/run")]);
      assert.equal(code, 1, `${kib} KiB: ${stderr}`);
      assert.match(stderr, /ddpm: (.*: )?Expected [^\n]*ENOSPC[^\n]*; make room on its disk[^\n]*\n$/, `${kib} KiB`);
      const states = namesOf(at("kept")).filter((name) => /states.*\.json$/.test(name)).length;
      if (namesOf(at("kept")).includes("run/config.json")) {
        const last = /the checkpoint of step (\d+) stays/.exec(stderr.split("\n").at(-2)!)?.[1];
        assert.equal(last !== undefined, states > 0, `${kib} KiB: ${stderr}`);
        const resumed = await ddpm("train", "--resume", "--steps", "12", "--out", at("kept/run"));
        assert.equal(resumed.code, 0, `${kib} KiB: ${resumed.stderr}`);
        if (last) assert.match(resumed.stderr, new RegExp(`\ntrain ${Number(last) + 1}/12 `));
        assert.ok(stateOf(at("kept/run")).equals(stateOf(at("whole"))), `${kib} KiB`);
        began++;
      }
      assert.deepEqual(
        namesOf(at("kept")).filter((name) => name.endsWith(".tmp")),
        [],
      );
    }
    figure(
      `Disk full (${disk.name}) at ${tries} sizes from nothing to 90 % of what a run takes: ${began} had begun and went on to the same bytes, ${tries - began} were refused at the start.`,
    );
  });
}

test("a run on a disk that may only be read is refused", {
  skip: !long && !mayMount(tmpfs) && "unshare may not mount here",
}, async () => {
  await succeeds("train", ...small, "--steps", "2", "--out", at("trained"));
  const before = `cp -r trained disk/run; mount -o remount,ro disk`;
  const { code, stderr } = await onDisk(tmpfs, 8192, ["train", "--resume", "--steps", "4", "--out", at("disk/run")], { before });
  assert.equal(code, 1);
  assert.match(stderr, /^ddpm: Expected a folder to write to at .* but found EROFS: .*; choose another --out\n$/);
});
