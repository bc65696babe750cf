// Imports flow one way, apps to a backend to core to nothing, and only through a package's front door.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const allowed = {
  "packages/core": [],
  "packages/backend-tfjs": ["core"],
  "packages/backend-node": ["core", "backend-tfjs"],
  "packages/backend-web": ["core", "backend-tfjs"],
  "apps/cli": ["core", "backend-node", "playground"],
  "apps/playground": ["core", "backend-web"],
  "examples/cold-diffusion": ["core", "backend-node"],
  docs: ["core", "backend-node", "cli"],
  packaging: [],
  torture: ["core"],
  bench: ["core", "backend-node", "backend-web"],
  e2e: ["core", "backend-web"],
};

const faults = Object.entries(allowed).flatMap(([folder, packages]) =>
  sources(join(root, folder)).flatMap((file) => check(file, join(root, folder), packages)),
);
for (const fault of faults) console.error(fault);
process.exitCode = faults.length > 0 ? 1 : 0;

function check(file, folder, packages) {
  const specifiers = [...readFileSync(file, "utf8").matchAll(/(?:^(?:import|export)[^"]*? from |^import |\bimport\()"([^"]+)"/gm)].map(
    ([, specifier]) => specifier,
  );
  return specifiers
    .filter((specifier) => !isAllowed(specifier, file, folder, packages))
    .map((specifier) => `${relative(root, file)} must not import ${specifier}`);
}

function isAllowed(specifier, file, folder, packages) {
  if (specifier.startsWith(".")) return !relative(folder, resolve(dirname(file), specifier)).startsWith("..");
  if (/^@ddpm\/torture(\/|$)/.test(specifier)) return isTest(file);
  if (specifier.startsWith("@ddpm/")) return packages.includes(specifier.split("/")[1]);
  return !folder.endsWith("core") || isTest(file) || /\/scripts\//.test(file);
}

function isTest(file) {
  return /\.(test|spec)\.ts$|\/test\//.test(file);
}

function sources(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (["node_modules", "dist"].includes(entry.name)) return [];
    const path = join(folder, entry.name);
    return entry.isDirectory() ? sources(path) : /\.(ts|js|mjs)$/.test(path) ? [path] : [];
  });
}
