// What npm runs around packing, in a package's folder. `prepack` builds it and writes the manifest that people get, as pnpm would publish it: entries that are
// built, versions in place of the workspace's. `postpack` puts back what was there.
import { execFileSync } from "node:child_process";
import { copyFileSync, cpSync, existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "./ddpm.mjs";

const { cwd, env: npm } = process;
const folder = cwd();
const manifest = join(folder, "package.json");
const kept = join(folder, "node_modules", ".workspace-package.json");
const made = ["LICENSE", "page"].map((name) => join(folder, name));

if (process.argv[2] === "prepack") prepack();
else postpack();

function prepack() {
  if (npm.npm_command === "publish" && npm.npm_config_user_agent?.startsWith("npm/")) {
    console.error(
      "pack: Expected pnpm publish but found npm publish, which tells the registry the workspace's manifest; run npm run release in the root",
    );
    process.exit(1);
  }
  if (existsSync(kept)) postpack(); // an earlier one was cut off
  rmSync(join(folder, "dist"), { recursive: true, force: true });
  run("tsc", "-b", "tsconfig.build.json");
  copyFileSync(join(root, "LICENSE"), join(folder, "LICENSE"));
  if (JSON.parse(readFileSync(manifest, "utf8")).files.includes("page")) buildPage();
  const published = publishedManifest();
  copyFileSync(manifest, kept);
  writeFileSync(manifest, published);
}

function postpack() {
  renameSync(kept, manifest);
  for (const path of made) rmSync(path, { recursive: true, force: true });
}

/** The manifest that pnpm would publish. */
function publishedManifest() {
  const temporary = mkdtempSync(join(tmpdir(), "ddpm-"));
  try {
    const { filename } = JSON.parse(run("pnpm", "pack", "--json", "--config.ignore-scripts=true", "--pack-destination", temporary));
    return execFileSync("tar", ["-xzOf", filename, "package/package.json"]);
  } finally {
    rmSync(temporary, { recursive: true });
  }
}

/** The playground, built, which `ddpm playground` serves. */
function buildPage() {
  const playground = join(root, "apps", "playground");
  execFileSync(process.execPath, [join(playground, "node_modules", "vite", "bin", "vite.js"), "build", playground], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  for (const name of ["dist", "policy.json"]) cpSync(join(playground, name), join(folder, "page", name), { recursive: true });
}

function run(command, ...args) {
  return execFileSync(join(root, "node_modules", ".bin", command), args, { cwd: folder, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
}
