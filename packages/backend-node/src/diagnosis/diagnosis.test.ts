import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, beforeEach, test } from "node:test";
import { installFolder } from "../library.ts";
import { type Flavour, wheels } from "../wheels.ts";
import { cacheFinding } from "./cache.ts";
import { versionFinding } from "./diagnosis.ts";
import type { Finding } from "./finding.ts";
import { cpuFinding, diskFinding, memoryFinding, nodeFinding, sharedMemoryFinding } from "./machine.ts";
import { askDriver, type Card, cudaBuild, cudaComplaint, cudaLibrariesFinding, demanded, driverFindings, driverLibraryFinding } from "./nvidia.ts";

const root = mkdtempSync(join(tmpdir(), "ddpm-"));
const { PATH, XDG_CACHE_HOME } = process.env;
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(root, "case-"));
});
after(() => rmSync(root, { recursive: true, force: true }));

/** Expects a finding's level, text and remedy; no remedy where none is given. */
function finds({ level, found, remedy }: Finding, expected: Finding["level"], text: RegExp, mends?: RegExp): void {
  assert.equal(level, expected, found);
  assert.match(found, text);
  if (mends) assert.match(remedy!, mends);
  else assert.equal(remedy, undefined);
}

test("Node is judged by version, platform and libc", () => {
  const good = { version: "22.1.0", platform: "linux", arch: "x64", glibc: "2.36" };
  finds(nodeFinding(good), "ok", /^v22\.1\.0 on linux x64, glibc 2\.36$/);
  finds(nodeFinding({ ...good, version: "18.20.4" }), "fault", /20\.19 is the oldest/, /install Node 22 or 24/);
  finds(nodeFinding({ ...good, platform: "darwin", arch: "arm64" }), "fault", /darwin arm64, for which there is no TensorFlow/, /--device cpu/);
  finds(nodeFinding({ ...good, glibc: undefined }), "fault", /another libc/, /bookworm/);
  finds(nodeFinding(), "ok", new RegExp(`^${process.version}`));
});

test("a CPU without AVX cannot run TensorFlow", () => {
  finds(cpuFinding("flags\t\t: fpu sse2 avx avx2\n"), "ok", /; avx avx2$/);
  finds(cpuFinding("flags\t\t: fpu sse2\n"), "fault", /no AVX/, /--device cpu/);
  finds(cpuFinding(""), "ok", /instruction sets unknown/);
});

test("memory is what the container may take", () => {
  const gib = 2 ** 30;
  finds(memoryFinding({ total: 16 * gib, limit: Number.POSITIVE_INFINITY, available: 12 * gib }), "ok", /^16 GiB, 12 GiB available$/);
  finds(memoryFinding({ total: 16 * gib, limit: gib / 2, available: gib / 4 }), "fault", /container may take 0\.5 GiB/, /docker run --memory 4g/);
  finds(memoryFinding({ total: 16 * gib, limit: 2 ** 63, available: gib }), "warning", /1\.0 GiB available/, /--train\.accumulate 8/);
  assert.notEqual(memoryFinding().level, "fault");
});

test("shared memory is needed by nothing that trains", () => {
  finds(sharedMemoryFinding(join(folder, "none")), "note", /nothing of ours needs it/);
  finds(sharedMemoryFinding(folder), "ok", /free in/);
});

test("a disk is judged by what will be written to it", () => {
  const need = { what: "Disk", path: join(folder, "runs", "new"), bytes: 1, remedy: "choose another" };
  finds(diskFinding(need), "ok", /GiB free at .*new$/);
  finds(diskFinding({ ...need, bytes: 1e18 }), "fault", /GiB free at .*, but 931322575 GiB are needed/, /^choose another$/);
  writeFileSync(join(folder, "file"), "");
  finds(diskFinding({ ...need, path: join(folder, "file", "run") }), "fault", /cannot be written: .*file is a file/, /^choose another$/);
});

test("what set-ups have left in the cache is named with the command that removes it", () => {
  process.env["XDG_CACHE_HOME"] = folder;
  try {
    finds(cacheFinding(), "note", /not there yet/);
    const whole = installFolder("cpu");
    mkdirSync(whole, { recursive: true });
    finds(cacheFinding(), "warning", /tensorflow-.*-cpu, which is not complete/, new RegExp(`^rm -r ${whole} && npx ddpm setup$`));
    writeFileSync(join(whole, "complete"), "");
    finds(cacheFinding(), "ok", /ddpm$/);
    const left = `${whole}.aB3x9Q`;
    mkdirSync(left);
    finds(cacheFinding(), "note", /seems to be at work in tensorflow/, /wait for it; if none is: rm -r/);
    utimesSync(left, 0, 0);
    finds(cacheFinding(), "warning", /of a set-up that was ended/, new RegExp(`^rm -r ${left}$`));
  } finally {
    process.env["XDG_CACHE_HOME"] = XDG_CACHE_HOME;
    if (XDG_CACHE_HOME === undefined) delete process.env["XDG_CACHE_HOME"];
  }
});

test("another version of TensorFlow is told", () => {
  const given = { source: "given", directory: "/opt/tensorflow" } as const;
  finds(versionFinding(`TensorFlow ${wheels.cpu[0]!.version} on the CPU`, given), "ok", /as given: \/opt\/tensorflow$/);
  finds(versionFinding("TensorFlow 2.9.1 on the CPU", given), "warning", /ours is tested with/, /unset it and run npx ddpm setup/);
});

/** What driverFindings says of a program on PATH that answers as nvidia-smi does. */
function withDriver(script: string, options: Parameters<typeof driverFindings>[1] = { dev: folder }): Finding[] {
  writeFileSync(join(folder, "nvidia-smi"), `#!/bin/sh\n${script}\n`);
  chmodSync(join(folder, "nvidia-smi"), 0o755);
  process.env["PATH"] = `${folder}:/usr/bin:/bin`;
  try {
    return driverFindings(askDriver(), options);
  } finally {
    process.env["PATH"] = PATH;
  }
}

const card = (facts: Partial<Card>): string => {
  const { name, driver, memory, capability } = { name: "NVIDIA L4", driver: "550.54.15", memory: "23034 MiB", capability: "8.9", ...facts };
  return `echo '${[name, driver, memory, capability].join(", ")}'`;
};

const driverCases: readonly [script: string, level: Finding["level"], found: RegExp, remedy?: RegExp][] = [
  [card({}), "ok", /^NVIDIA L4, 23034 MiB, compute capability 8\.9, driver 550\.54\.15$/],
  [
    card({ driver: "470.82.01" }),
    "warning",
    /driver 470\.82\.01: TensorFlow's CUDA 12\.5 needs driver 525\.60\.13 or newer/,
    /update NVIDIA's driver/,
  ],
  [card({ name: "Tesla M60", capability: "5.2" }), "warning", /kernels are for 6\.0 and newer/, /tensorflow:cpu/],
  [card({ name: "NVIDIA B200", capability: "10.0" }), "note", /the driver compiles them when they are first used/],
  [card({ capability: "[N/A]" }), "ok", /compute capability \[N\/A\]/],
  ["true", "note", /the driver sees none/, /--gpus all/],
  ["echo 'Failed to initialize NVML: Driver/library version mismatch'; exit 18", "warning", /version mismatch/, /restart the machine/],
  ["echo 'Failed to initialize NVML: Insufficient Permissions'; exit 4", "warning", /Permissions/, /usermod/],
  [
    'echo "NVIDIA-SMI has failed because it couldn\'t communicate with the NVIDIA driver."; exit 9',
    "warning",
    /couldn't communicate/,
    /modprobe nvidia/,
  ],
  ["echo 'No devices were found'; exit 6", "warning", /No devices/, /--gpus all/],
  ["exit 3", "warning", /Command failed/, /tensorflow:cpu/],
];

test("the driver's answer is held against what TensorFlow's CUDA asks for", () => {
  for (const [script, ...expected] of driverCases) {
    const [finding, ...more] = withDriver(script);
    finds(finding!, ...expected);
    assert.equal(more.length, 0);
  }
});

test("each card is judged", () => {
  const findings = withDriver(`${card({})}; ${card({ driver: "470.82.01" })}`);
  assert.deepEqual(
    findings.map(({ level }) => level),
    ["ok", "warning"],
  );
});

test("without nvidia-smi a card on the bus is one without a driver", () => {
  finds(driverFindings(undefined, { hasCard: () => false })[0]!, "note", /none of NVIDIA's/);
  finds(driverFindings(undefined, { hasCard: () => true })[0]!, "warning", /no nvidia-smi/, /nvidia-driver.*--gpus all/);
});

test("device files that may not be opened are named, with the group that may", () => {
  const dev = join(folder, "dev");
  mkdirSync(dev);
  for (const name of ["nvidia0", "nvidiactl"]) writeFileSync(join(dev, name), "");
  for (const [path, mode] of [
    [join(dev, "nvidia0"), 0],
    [join(dev, "nvidiactl"), 0o666],
    [root, 0o755],
    [folder, 0o755],
  ] as const)
    chmodSync(path, mode);
  const isRoot = process.geteuid!() === 0;
  if (isRoot) process.seteuid!(65534); // root may open anything
  try {
    const [, closed, ...more] = driverFindings({ cards: [{ name: "L4", driver: "550.0.0", memory: "1 MiB", capability: "8.9" }] }, { dev });
    finds(closed!, "warning", /^\S+nvidia0 cannot be opened: no permission/, /usermod -aG \$\(getent group \d+/);
    assert.equal(more.length, 0);
  } finally {
    if (isRoot) process.seteuid!(0);
  }
});

test("the driver's library and CUDA's are looked for by name", () => {
  finds(driverLibraryFinding("libno-such-driver.so.1"), "warning", /does not load, though nvidia-smi answers/, /--gpus all/);
  const given = { source: "given", directory: join(folder, "site-packages", "tensorflow") } as const;
  finds(cudaLibrariesFinding(given, []), "warning", /^missing: libcudart\.so\.12, .*/, /^install them beside TensorFlow, or unset DDPM_TENSORFLOW/);
  const beside = join(folder, "site-packages", "nvidia", "all", "lib");
  mkdirSync(beside, { recursive: true });
  for (const name of cudaBuild.libraries.filter((name) => name !== "libcudnn.so.9")) writeFileSync(join(beside, name), "");
  finds(cudaLibrariesFinding(given, []), "warning", /^missing: libcudnn\.so\.9$/, /^install them beside/);
  writeFileSync(join(beside, "libcudnn.so.9"), "");
  finds(cudaLibrariesFinding(given, []), "ok", /all \d+ libraries/);
});

test("of what ddpm setup installed, the flavour decides, whatever of CUDA the system has", () => {
  const inCache = (flavour: Flavour) => ({ source: "cache", directory: join(installFolder(flavour), "tensorflow") }) as const;
  finds(cudaLibrariesFinding(inCache("cpu"), [join(folder, "lib")]), "warning", /without CUDA/, /^npx ddpm setup --cuda$/);
  finds(cudaLibrariesFinding({ source: "tfjs-node-gpu", directory: folder }, []), "warning", /^missing/, /^npx ddpm setup --cuda$/);
  process.env["XDG_CACHE_HOME"] = folder;
  try {
    finds(
      cudaLibrariesFinding(inCache("cuda"), []),
      "warning",
      /^missing/,
      new RegExp(`^run rm -r ${installFolder("cuda")} && npx ddpm setup --cuda$`),
    );
  } finally {
    process.env["XDG_CACHE_HOME"] = XDG_CACHE_HOME;
    if (XDG_CACHE_HOME === undefined) delete process.env["XDG_CACHE_HOME"];
  }
});

test("what TensorFlow says of CUDA is found in what it writes", () => {
  const log = `I0000 00:00:1.2 34 dso_loader.cc:133] Successfully opened dynamic library libcudart.so.12
I0000 00:00:1.2 34 dso_loader.cc:144] Could not load dynamic library 'libcusolver.so.11'; dlerror: libcusolver.so.11: cannot open shared object file
I0000 00:00:1.2 34 dso_loader.cc:144] Could not load dynamic library 'libnvidia-ml.so.1'; dlerror: libnvidia-ml.so.1: cannot open shared object file\n`;
  assert.equal(cudaComplaint(log), "it does not find libcusolver.so.11");
  const noDriver = "E0000 00:00:1.2 34 cuda_platform.cc:51] failed call to cuInit: INTERNAL: CUDA error: UNKNOWN ERROR (303)\nmore\n";
  assert.equal(cudaComplaint(noDriver), "failed call to cuInit: INTERNAL: CUDA error: UNKNOWN ERROR (303)");
  assert.equal(cudaComplaint(""), "");
});

test("where a GPU is asked for, what stops one is a fault", () => {
  assert.equal(demanded(driverFindings(undefined, { hasCard: () => false })[0]!).level, "fault");
  assert.equal(demanded(driverLibraryFinding("libno-such-driver.so.1")).level, "fault");
  assert.equal(demanded({ what: "GPU", level: "ok", found: "NVIDIA L4" }).level, "ok");
});
