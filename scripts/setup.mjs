// Gets a machine with Node and npm (and Python's pip, for TensorFlow) ready: dependencies, then `ddpm setup`. Quick where nothing is to do.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const stamp = join(root, "node_modules", ".ddpm-setup");
const [major, minor] = process.versions.node.split(".").map(Number);

if (major < 20 || (major === 20 && minor < 19)) stop(`Expected Node 20.19 or newer but found ${process.version}`);
const wanted = fingerprint();
if (!existsSync(stamp) || readFileSync(stamp, "utf8") !== wanted) {
  const { packageManager } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  run("npx", ["--yes", packageManager, "install", "--frozen-lockfile"]);
  writeFileSync(stamp, wanted);
}
run(join(root, "node_modules", ".bin", "ddpm"), ["setup"]);

/** Changes with everything that decides what is installed. */
function fingerprint() {
  const files = ["pnpm-lock.yaml", "pnpm-workspace.yaml", "package.json"];
  return files.reduce((hash, file) => hash.update(readFileSync(join(root, file))), createHash("sha256")).digest("hex");
}

function run(command, args) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: ["ignore", "inherit", "inherit"] });
  if (error || status !== 0) stop(`Expected ${command} ${args.join(" ")} to succeed but ${error ? error.message : `it ended with ${status}`}`);
}

function stop(message) {
  console.error(`setup: ${message}`);
  process.exit(1);
}
