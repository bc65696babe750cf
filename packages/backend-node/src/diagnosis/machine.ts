/** What the machine itself offers: Node, processor, memory, disks. */
import { accessSync, constants, existsSync, readFileSync, statfsSync, statSync } from "node:fs";
import { arch, cpus, platform, tmpdir, totalmem } from "node:os";
import { dirname, resolve } from "node:path";
import { isAtLeast, ownGlibc } from "../library-file.ts";
import { type Finding, fault, note, ok, warning } from "./finding.ts";

const gib = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(bytes < 10 * 2 ** 30 ? 1 : 0)} GiB`;

/** What the training of the practical work's model takes (measured: 1.3 GB at a batch of 128). */
const comfortableMemory = 2 * 2 ** 30;
const leastMemory = 0.75 * 2 ** 30;

export interface Platform {
  readonly version: string;
  readonly platform: string;
  readonly arch: string;
  readonly glibc: string | undefined;
}

const own = (): Platform => ({ version: process.versions.node, platform: platform(), arch: arch(), glibc: ownGlibc() });

/** Node's version, and whether TensorFlow exists for its platform. */
export function nodeFinding({ version, platform, arch, glibc }: Platform = own()): Finding {
  const found = `v${version} on ${platform} ${arch}`;
  if (!isAtLeast(version, "20.19"))
    return fault("Node", `${found}, but 20.19 is the oldest that works`, "install Node 22 or 24, for example with nvm install 22");
  if (platform !== "linux" || arch !== "x64")
    return fault(
      "Node",
      `${found}, for which there is no TensorFlow`,
      "train on Linux x64; here --device cpu trains slowly and --device wasm samples",
    );
  if (!glibc)
    return fault(
      "Node",
      `${found} with another libc than glibc, which TensorFlow needs`,
      "take an image with glibc, such as node:22-bookworm in place of node:22-alpine",
    );
  return ok("Node", `${found}, glibc ${glibc}`);
}

/** The processor and the instruction sets that matter. TensorFlow's builds end the process where AVX is missing. */
export function cpuFinding(facts = existsSync("/proc/cpuinfo") ? readFileSync("/proc/cpuinfo", "utf8") : ""): Finding {
  const flags = /^flags\s*:(.*)$/m.exec(facts)?.[1]?.split(" ") ?? [];
  const sets = ["avx", "avx2", "avx512f", "avx512_bf16", "amx_bf16"].filter((flag) => flags.includes(flag));
  const found = `${cpus().length} cores of ${cpus()[0]?.model.trim()}; ${sets.join(" ") || "instruction sets unknown"}`;
  if (flags.length > 0 && !flags.includes("avx"))
    return fault("CPU", `${found}: no AVX, which TensorFlow needs`, "let the virtual machine pass the host's CPU on, or use --device cpu");
  return ok("CPU", found);
}

/** Memory in bytes; `limit` is the container's, none where it is not below the machine's. */
export interface Memory {
  readonly total: number;
  readonly limit: number;
  readonly available: number;
}

const ownMemory = (): Memory => ({
  total: totalmem(),
  limit: process.constrainedMemory() || Number.POSITIVE_INFINITY,
  available: process.availableMemory(),
});

export function memoryFinding({ total, limit, available }: Memory = ownMemory()): Finding {
  const limited = limit < total;
  const found = `${gib(total)}${limited ? `, of which the container may take ${gib(limit)}` : ""}, ${gib(available)} available`;
  const remedy = `${limited ? "give the container more (docker run --memory 4g), or" : "free some, or"} train with --train.accumulate 8 and a smaller --train.batch`;
  if (Math.min(total, limit) < leastMemory) return fault("Memory", `${found}: TensorFlow alone takes ${gib(leastMemory)}`, remedy);
  if (available < comfortableMemory) return warning("Memory", `${found}: the practical work's model takes 1.3 GB at a batch of 128`, remedy);
  return ok("Memory", found);
}

/** Shared memory, of which containers have 64 MB: only NCCL and Chromium take some. */
export function sharedMemoryFinding(folder = "/dev/shm"): Finding {
  const free = freeBytes(folder);
  if (free === undefined) return note("Shared memory", `no ${folder}: nothing of ours needs it`);
  if (free < 2 ** 26)
    return note(
      "Shared memory",
      `${(free / 2 ** 20).toFixed(0)} MiB free in ${folder}: enough for training, not for Chromium's tests`,
      "docker run --shm-size 1g",
    );
  return ok("Shared memory", `${gib(free)} free in ${folder}`);
}

/** Room in bytes that something needs where it will be written. */
export interface Need {
  readonly what: string;
  readonly path: string;
  readonly bytes: number;
  readonly remedy: string;
}

/** Whether a folder that may not exist yet can be written, and has room. */
export function diskFinding({ what, path, bytes, remedy }: Need): Finding {
  const folder = nearest(resolve(path));
  if (!statSync(folder).isDirectory()) return fault(what, `${path} cannot be written: ${folder} is a file`, remedy);
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
  } catch (error) {
    return fault(what, `${path} cannot be written (${(error as NodeJS.ErrnoException).code} at ${folder})`, remedy);
  }
  const { bavail, bsize, files, ffree } = statfsSync(folder);
  const found = `${gib(bavail * bsize)} free at ${path}`;
  if (files > 0 && ffree === 0) return fault(what, `${found}, but no file more can be made (no inodes left)`, remedy);
  if (bavail * bsize < bytes) return fault(what, `${found}, but ${gib(bytes)} are needed`, remedy);
  return ok(what, found);
}

/** Where pip keeps what it fetches until it is whole. */
export const temporaryNeed = (bytes: number): Need => ({
  what: "Temporary",
  path: tmpdir(),
  bytes,
  remedy: "free some, or set TMPDIR to a folder with room",
});

function freeBytes(folder: string): number | undefined {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize;
  } catch {
    return undefined;
  }
}

/** The folder itself, or the first above it that exists. */
const nearest = (folder: string): string => (existsSync(folder) ? folder : nearest(dirname(folder)));
