// Begins a release: versions follow from the changesets, which go with it, and CHANGELOG.md's unreleased lines and jsr.json take the version.
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./ddpm.mjs";

const { status } = spawnSync(join(root, "node_modules", ".bin", "changeset"), ["version"], { cwd: root, stdio: ["ignore", "inherit", "inherit"] });
if (status !== 0) process.exit(1);
const core = join(root, "packages", "core");
const { version } = JSON.parse(readFileSync(join(core, "package.json"), "utf8"));
rewrite(join(core, "jsr.json"), (text) => text.replace(/"version": "[^"]*"/, `"version": "${version}"`));
rewrite(join(root, "CHANGELOG.md"), (text) => {
  if (text.includes(`\n## ${version} `)) stop(`Expected changesets since ${version} but found none; add one with npx changeset`);
  if (!/\n## Unreleased\n\n- /.test(text)) stop("Expected lines under Unreleased in CHANGELOG.md but found none; say there what users get");
  return text.replace("\n## Unreleased\n", `\n## Unreleased\n\n## ${version} (${new Date().toISOString().slice(0, 10)})\n`);
});
console.log(`Now at ${version}: look at git diff, commit it, then npm run release`);

function rewrite(file, change) {
  writeFileSync(file, change(readFileSync(file, "utf8")));
}

function stop(message) {
  console.error(`version: ${message}`);
  process.exit(1);
}
