// Runs core's tests in Node, then the same files in Deno, which may read fixtures and nothing else, and tries to publish to JSR.
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const tests = readdirSync(join(root, "src"))
  .filter((name) => name.endsWith(".test.ts"))
  .map((name) => join("src", name));

run(process.execPath, ["--import", "tsx", "--test", "--test-timeout=300000", ...tests], root);

// Deno takes a copy, since inside the workspace it rewrites the root's package.json
const folder = mkdtempSync(join(tmpdir(), "ddpm-"));
const copy = join(folder, "checkout/packages/core");
try {
  mkdirSync(copy, { recursive: true });
  for (const name of ["mod.ts", "entries", "src", "conformance", "test", "fixtures"]) cpSync(join(root, name), join(copy, name), { recursive: true });
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
  for (const name of ["package.json", "jsr.json"]) cpSync(join(root, name), join(copy, name));
  const deno = join(dirname(createRequire(join(root, "../../package.json")).resolve("deno/package.json")), "bin.cjs");
  run(process.execPath, [deno, "check", "mod.ts", "entries"], copy);
  run(process.execPath, [deno, "test", "--no-check", `--allow-read=${folder}`, ...tests], copy);
  run(process.execPath, [deno, "publish", "--dry-run", "--allow-dirty"], copy);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function run(command, args, cwd) {
  const { status } = spawnSync(command, args, { cwd, stdio: ["ignore", "inherit", "inherit"], env: { ...process.env, NO_COLOR: "1" } });
  if (status !== 0) process.exit(status ?? 1);
}
