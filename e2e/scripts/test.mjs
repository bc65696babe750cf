// Runs the browser tests with Playwright's Chromium, else the system's, else one that is installed for it.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { delimiter, join } from "node:path";
import { chromium } from "@playwright/test";

const playwright = createRequire(import.meta.url).resolve("@playwright/test/cli");

const executable = own() ?? system() ?? install();
const { status } = spawnSync(process.execPath, [playwright, "test", ...process.argv.slice(2)], {
  stdio: ["ignore", "inherit", "inherit"],
  env: { ...process.env, DDPM_CHROMIUM: executable, FORCE_COLOR: "0" },
});
process.exitCode = status ?? 1;

function own() {
  const path = chromium.executablePath();
  return existsSync(path) ? path : undefined;
}

function system() {
  const names = ["chromium", "chromium-browser", "google-chrome"];
  return process.env.PATH.split(delimiter)
    .flatMap((folder) => names.map((name) => join(folder, name)))
    .find((path) => existsSync(path));
}

function install() {
  process.stderr.write("No Chromium here: installing one for the browser tests\n");
  run(process.execPath, [playwright, "install", "chromium"]);
  if (own()) return own();
  if (process.getuid?.() === 0 && existsSync("/usr/bin/apt-get")) {
    run("apt-get", ["update", "-qq"]);
    run("apt-get", ["install", "-y", "-qq", "chromium"]);
  }
  const found = system();
  if (found) return found;
  throw new Error("Expected a Chromium for the browser tests but could not install one; install chromium with your system's package manager");
}

function run(command, args) {
  spawnSync(command, args, { stdio: ["ignore", 2, 2] });
}
