import { execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createReadStream, createWriteStream, existsSync, rmSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import yauzl, { type Entry, type ZipFile } from "yauzl";
import { findTensorFlow, installFolder } from "./library.ts";
import { type Flavour, type Wheel, wheels } from "./wheels.ts";

/** Which TensorFlow is installed, and from where. */
export interface InstallOptions {
  readonly flavour?: Flavour;
  /** For machines without a network: a folder with the wheels of the flavour, fetched elsewhere, or the one of `cpu` itself. */
  readonly wheel?: string;
  /** Told what is going on, a line at a time. */
  readonly say?: (line: string) => void;
}

/** What of TensorFlow's wheel is kept: libraries, and the headers that addons are built against. */
const needed = /^tensorflow\/(libtensorflow_(cc|framework)\.so\.2|include\/(tensorflow|xla|tsl)\/.*\.h)$/;

/**
 * Installs libtensorflow into the user's cache and returns its folder; does nothing where it is. Each throw is one line that says what to do:
 * for no pip, no network, a wrong checksum, a full or unwritable disk, another platform.
 */
export async function installTensorFlow({ flavour = "cpu", wheel, say = () => {} }: InstallOptions = {}): Promise<string> {
  const target = installFolder(flavour);
  if (existsSync(join(target, "complete"))) return target;
  checkPlatform();
  const local = wheel === undefined ? undefined : await localWheels(wheel, flavour);
  const work = await workFolder(target);
  const leave = (): never => {
    rmSync(work, { recursive: true, force: true });
    process.exit(130);
  };
  process.once("SIGINT", leave).once("SIGTERM", leave);
  try {
    for (const item of wheels[flavour]) {
      if (!local) say(`Fetching ${item.name} ${item.version}`);
      const file = local ? local(item) : await download(item, work, flavour);
      await checkSum(file, item);
      say(`Unpacking ${item.name}`);
      await unpack(file, join(work, "unpacked"), item.name.startsWith("tensorflow") ? needed : /^nvidia\/.*\.so/);
      if (!local) await rm(file);
    }
    await publish(join(work, "unpacked"), target);
  } catch (error) {
    throw explained(error, dirname(target));
  } finally {
    process.off("SIGINT", leave).off("SIGTERM", leave);
    await rm(work, { recursive: true, force: true });
  }
  findTensorFlow({ path: join(target, "tensorflow") });
  return target;
}

/** What went wrong as it is told: a full disk in words, all else as it is. */
export function explained(cause: unknown, folder: string): unknown {
  if ((cause as NodeJS.ErrnoException).code !== "ENOSPC") return cause;
  return new Error(`Expected room for TensorFlow in ${folder} but the disk is full; free some, or set XDG_CACHE_HOME to another disk`, { cause });
}

/** Throws where TensorFlow has no wheel for a platform, this one unless told. */
export function checkPlatform(found = `${process.platform} on ${process.arch}`): void {
  if (found !== "linux on x64")
    throw new Error(`Expected Linux on x64 for TensorFlow but found ${found}; choose --device wasm to sample, or cpu to train slowly`);
}

async function localWheels(place: string, flavour: Flavour): Promise<(wheel: Wheel) => string> {
  const entry = await stat(place).catch((error: Error) => {
    throw new Error(`Expected a wheel or a folder of wheels at ${place} but could not read it (${error.message}); check the path`, { cause: error });
  });
  if (entry.isDirectory()) return ({ file }) => join(place, file);
  if (wheels[flavour].length === 1) return () => place;
  throw new Error(`Expected --wheel to be a folder with all that npx ddpm setup --cuda --dry-run lists but found the file ${place}; give the folder`);
}

async function workFolder(target: string): Promise<string> {
  try {
    await mkdir(dirname(target), { recursive: true });
    return await mkdtemp(`${target}.`);
  } catch (error) {
    throw new Error(`Expected to write to ${dirname(target)} but found ${(error as Error).message}; set XDG_CACHE_HOME to a folder you own`, {
      cause: error,
    });
  }
}

/** Fetches one wheel with pip, whatever Python it belongs to; pip shows how far it is. */
async function download({ name, version, file, sha256 }: Wheel, folder: string, flavour: Flavour): Promise<string> {
  const requirements = join(folder, "requirements.txt");
  await writeFile(requirements, `${name}==${version} --hash=sha256:${sha256}\n`);
  const platforms = ["manylinux_2_28_x86_64", "manylinux_2_27_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64", "manylinux1_x86_64"];
  const target = ["--python-version", "3.12", "--implementation", "cp", ...platforms.flatMap((platform) => ["--platform", platform])];
  const args = ["-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--require-hashes", ...target, "-d", folder, "-r", requirements];
  const child = spawn(await python(), args, { stdio: ["ignore", 2, "pipe"] });
  const [complaints, [code]] = await Promise.all([text(child.stderr!), once(child, "close")]);
  if (code === 0) return join(folder, file);
  const lines = complaints.trim().split("\n");
  const reason = lines.findLast((line) => line.includes("ERROR")) ?? lines.at(-1);
  const remedy = `fetch ${file} elsewhere and run npx ddpm setup ${flavour === "cuda" ? "--cuda " : ""}--wheel FOLDER`;
  throw new Error(`Expected pip to fetch ${name} but it said "${reason}"; check the network, or ${remedy}`);
}

async function python(): Promise<string> {
  for (const command of ["python3", "python"]) {
    const works = await promisify(execFile)(command, ["-m", "pip", "--version"]).then(
      () => true,
      () => false,
    );
    if (works) return command;
  }
  throw new Error(
    "Expected Python with pip to fetch TensorFlow but found none; install python3-pip, or fetch the wheel elsewhere and run npx ddpm setup --wheel FOLDER",
  );
}

async function checkSum(path: string, { name, sha256 }: Wheel): Promise<void> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash).catch((error: Error) => {
    throw new Error(`Expected a wheel at ${path} but could not read it (${error.message}); put it there`, { cause: error });
  });
  const found = hash.digest("hex");
  if (found !== sha256) throw new Error(`Expected ${basename(path)} to be ${name} with sha256 ${sha256} but found ${found}; fetch that wheel again`);
}

/** Unpacks the entries of a zip file whose names match. */
async function unpack(path: string, folder: string, matching: RegExp): Promise<void> {
  const zip = await promisify<string, yauzl.Options, ZipFile>(yauzl.open)(path, { lazyEntries: true });
  const open = promisify<Entry, NodeJS.ReadableStream>(zip.openReadStream.bind(zip) as never);
  await new Promise<void>((resolve, reject) => {
    zip.on("end", resolve).on("error", reject);
    zip.on("entry", (entry: Entry) => {
      const extracted = matching.test(entry.fileName) ? extract(entry) : Promise.resolve();
      extracted.then(() => zip.readEntry(), reject);
    });
    zip.readEntry();
  });
  async function extract(entry: Entry): Promise<void> {
    const target = join(folder, entry.fileName);
    await mkdir(dirname(target), { recursive: true });
    await pipeline(await open(entry), createWriteStream(target, { flush: true }));
  }
}

/** Moves a finished folder into place; where another set-up was quicker, its folder stays. */
async function publish(folder: string, target: string): Promise<void> {
  await writeFile(join(folder, "complete"), "");
  const complete = (): boolean => existsSync(join(target, "complete"));
  if (!complete()) await rm(target, { recursive: true, force: true });
  await rename(folder, target).catch((error: Error) => {
    if (!complete()) throw error;
  });
}
