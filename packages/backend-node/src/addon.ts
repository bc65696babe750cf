import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { cacheFolder, type TensorFlowLibrary, tfjsNodeFolder } from "./library.ts";

const require = createRequire(import.meta.url);
const execute = promisify(execFile);

/** Imports @tensorflow/tfjs-node-gpu, whose addon `ddpm setup` builds. Throws an error that names the command where either is missing. */
export async function loadTfjsNode(name = "@tensorflow/tfjs-node-gpu"): Promise<unknown> {
  restoreUtil();
  process.env["TF_CPP_MIN_LOG_LEVEL"] ??= "2";
  try {
    return await import(name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_MODULE_NOT_FOUND")
      throw new Error(
        `Expected the package ${name} but it is not installed; run npm install --ignore-scripts ${name} and npx ddpm setup, or use --device tensorflow`,
        { cause: error },
      );
    const reason = (error as Error).message.split("\n").find((line) => line.trim()) ?? "";
    throw new Error(
      `Expected the addon of ${name} but it did not load (${reason.slice(0, 120)}); run npx ddpm setup on a machine with a C++ compiler, or use --device tensorflow`,
      { cause: error },
    );
  }
}

/**
 * Builds the addon of @tensorflow/tfjs-node-gpu against a libtensorflow, where it is installed but not built and a C++ compiler exists; says in one line what came of it.
 * A failure is told, not thrown, since only the device tfjs-node needs the addon.
 */
export async function buildAddon(library: TensorFlowLibrary, say: (line: string) => void): Promise<void> {
  const folder = tfjsNodeFolder();
  if (folder === undefined) return;
  const stamp = join(folder, "deps", "built-against");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === library.directory) return; // built, or tried in vain
  const compiler = await execute("c++", ["--version"]).catch(() => undefined);
  if (!compiler) return say("No C++ compiler: the device tfjs-node stays away, the others do not need it");
  say("Building the addon of tfjs-node");
  const log = join(cacheFolder(), "tfjs-node-addon.log");
  try {
    await linkLibrary(folder, library);
    const { stdout, stderr } = await execute(process.execPath, [nodePreGyp(folder), "install", "--build-from-source", ...nodeHeaders()], {
      cwd: folder,
      maxBuffer: 1 << 26,
    });
    await writeFile(log, stdout + stderr);
  } catch (error) {
    const { stdout = "", stderr = (error as Error).message } = error as { stdout?: string; stderr?: string };
    await writeFile(log, stdout + stderr);
    say(`The addon of tfjs-node did not build (see ${log}): the device tfjs-node stays away, the others do not need it`);
  }
  await writeFile(stamp, library.directory);
}

/** Puts libraries, under the names that the linker and the loader ask for, and headers where the package expects them. */
async function linkLibrary(folder: string, { directory, ccLibrary, frameworkLibrary }: TensorFlowLibrary): Promise<void> {
  const deps = join(folder, "deps");
  await rm(deps, { recursive: true, force: true });
  await mkdir(join(deps, "lib"), { recursive: true });
  const links = {
    "lib/libtensorflow.so": ccLibrary,
    "lib/libtensorflow_cc.so.2": ccLibrary,
    "lib/libtensorflow_framework.so": frameworkLibrary,
    "lib/libtensorflow_framework.so.2": frameworkLibrary,
    include: join(directory, "include"),
  };
  await Promise.all(Object.entries(links).map(([name, target]) => symlink(target, join(deps, name))));
}

const nodePreGyp = (folder: string): string => createRequire(join(folder, "package.json")).resolve("@mapbox/node-pre-gyp/bin/node-pre-gyp");

/** Node's own headers where its installation has them; node-gyp fetches them otherwise. */
function nodeHeaders(): string[] {
  const prefix = dirname(dirname(process.execPath));
  return existsSync(join(prefix, "include", "node", "node_api.h")) ? [`--nodedir=${prefix}`] : [];
}

/** tfjs-node 4.22 calls two functions that Node 23 took out of `util`. */
function restoreUtil(): void {
  const util = require("node:util") as Record<string, unknown>;
  util["isNullOrUndefined"] ??= (x: unknown) => x === null || x === undefined;
  util["isArray"] ??= Array.isArray;
}
