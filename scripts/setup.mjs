// Gets a machine with Node and npm (and Python's pip, for TensorFlow) ready: dependencies, then `ddpm setup`. Quick where nothing is to do.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { nodeComplaint } from "../apps/cli/bin/node-version.js";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const stamp = join(root, "node_modules", ".ddpm-setup");
if (nodeComplaint()) stop(nodeComplaint());
const wanted = fingerprint();
if (!existsSync(stamp) || readFileSync(stamp, "utf8") !== wanted) {
  const { packageManager } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const frozen = ["npx", ["--yes", "--ignore-scripts", packageManager, "install", "--frozen-lockfile"]];
  run(...frozen, "where a package.json has changed, run node_modules/.bin/pnpm install --no-frozen-lockfile and commit pnpm-lock.yaml");
  writeFileSync(stamp, wanted);
}
run(join(root, "node_modules", ".bin", "ddpm"), ["setup"]);

/** Changes with everything that decides what is installed. */
function fingerprint() {
  const folders = ["packages", "apps", "examples"].flatMap((parent) => readdirSync(join(root, parent)).map((name) => join(parent, name)));
  const manifests = ["", "bench", "docs", "e2e", "packaging", "torture", ...folders].map((folder) => join(folder, "package.json"));
  const files = ["pnpm-lock.yaml", "pnpm-workspace.yaml", ...manifests.filter((file) => existsSync(join(root, file)))];
  return files.reduce((hash, file) => hash.update(readFileSync(join(root, file))), createHash("sha256")).digest("hex");
}

function run(command, args, remedy = "see what it says above") {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: ["ignore", "inherit", "inherit"] });
  if (error || status !== 0)
    stop(`Expected ${command} ${args.join(" ")} to succeed but ${error ? error.message : `it ended with ${status}`}; ${remedy}`);
}

function stop(message) {
  console.error(`setup: ${message}`);
  process.exit(1);
}
