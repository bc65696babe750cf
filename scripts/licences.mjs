// Writes THIRD_PARTY.md: what ships with us or is fetched by us, under which licence. With --check it only fails where the file is out of date.
import { existsSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./ddpm.mjs";

/** The workspaces that people install; the others only test and measure. */
const shipped = ["packages/core", "packages/backend-tfjs", "packages/backend-node", "packages/backend-web", "apps/cli", "apps/playground"];
const permissive = ["0BSD", "Apache-2.0", "BlueOak-1.0.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "ISC", "MIT", "Unlicense", "Zlib"];
/** What is taken in spite of a licence that is not permissive, and why that is no matter. */
const exceptions = { "@img/sharp-libvips-*": "LGPL: a shared library of its own, which anybody may replace; nothing of ours is linked into it" };

const packages = new Map();
for (const workspace of shipped) {
  const { dependencies, peerDependencies } = manifestOf(join(root, workspace));
  for (const name of Object.keys({ ...dependencies, ...peerDependencies })) visit(join(root, workspace, "node_modules", name), workspace);
}

const rows = [...packages.values()].sort((a, b) => a.name.localeCompare(b.name, "en") || a.version.localeCompare(b.version, "en"));
const refused = rows.filter(({ name, licence }) => !(name in exceptions) && !isPermissive(licence));
for (const { name, version, licence, by } of refused)
  console.error(
    `Expected a permissive licence of ${name} ${version} (for ${[...by].join(", ")}) but found ${licence}; replace it, or say in scripts/licences.mjs why it may stay`,
  );
if (refused.length > 0) process.exit(1);

const file = join(root, "THIRD_PARTY.md");
const wanted = document();
if (!process.argv.includes("--check")) writeFileSync(file, wanted);
else if (!existsSync(file) || readFileSync(file, "utf8") !== wanted) {
  console.error("Expected THIRD_PARTY.md to list the packages that are installed but it is out of date; run npm run licences");
  process.exit(1);
}

/** Adds a package and what it depends on, which lies beside it as pnpm installs. */
function visit(link, workspace) {
  if (!existsSync(link)) return; // optional, for another platform
  const folder = realpathSync(link);
  const { name, version, license, licenses, dependencies, optionalDependencies } = manifestOf(folder);
  const own = name.startsWith("@ddpm/");
  const listed = name.replace(/-?(?:linux|darwin|win32|wasm32|freebsd)(?:musl)?(?:-[a-z0-9_]+)*$/, name.startsWith("@esbuild/") ? "*" : "-*");
  const key = `${listed} ${version}`;
  const entry = packages.get(key) ?? { name: listed, version, licence: named(license ?? licenses), by: new Set() };
  if (entry.by.has(workspace)) return;
  entry.by.add(workspace);
  if (!own) packages.set(key, entry);
  const beside = own ? join(folder, "node_modules") : folder.slice(0, -name.length - 1);
  for (const dependency of Object.keys({ ...dependencies, ...optionalDependencies })) visit(join(beside, dependency), workspace);
}

function manifestOf(folder) {
  return JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
}

/** A licence's name in any of the forms that package.json has had. */
function named(licence) {
  if (Array.isArray(licence)) return licence.map(named).join(" OR ");
  return (typeof licence === "string" ? licence : licence?.type) ?? "none stated";
}

/** Whether one of the choices of an SPDX expression has permissive parts only. */
function isPermissive(licence) {
  const choices = licence.replace(/^\(|\)$/g, "").split(" OR ");
  return choices.some((choice) => choice.split(" AND ").every((part) => permissive.includes(part)));
}

function document() {
  const wheels = JSON.parse(readFileSync(join(root, "packages/backend-node/src/wheels.json"), "utf8"));
  const short = (by) => [...by].map((workspace) => workspace.split("/")[1]).join(", ");
  return [
    "# Third-party software",
    "",
    "Written by `npm run licences` and checked by `npm run lint`: what people install with ddpm, but not what only tests and measures it. Builds for one platform stand as `*`.",
    "",
    ...table(
      ["package", "version", "licence", "for"],
      rows.map(({ name, version, licence, by }) => [name, version, licence, short(by)]),
    ),
    "",
    ...Object.entries(exceptions).map(([name, reason]) => `- \`${name}\`: ${reason}.`),
    "",
    "## Fetched by `ddpm setup`",
    "",
    "Python wheels from the package index, unpacked into the user's cache and never passed on by us. Their SHA-256 are the pins of",
    "[wheels.json](packages/backend-node/src/wheels.json); `scripts/wheels.mjs VERSION` writes them anew. TensorFlow is Apache-2.0, NVIDIA's wheels are under NVIDIA's own",
    "licences (NCCL: BSD-3-Clause), and are fetched with `--cuda` only.",
    "",
    ...table(
      ["wheel", "version", "SHA-256", "with"],
      Object.entries(wheels).flatMap(([flavour, all]) => all.map(({ name, version, sha256 }) => [name, version, `\`${sha256}\``, flavour])),
    ),
    "",
  ].join("\n");
}

function table(head, body) {
  return [head, head.map(() => "---"), ...body].map((cells) => `| ${cells.join(" | ")} |`);
}
