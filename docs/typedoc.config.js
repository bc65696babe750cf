// The API reference from the docstrings: a page for each file of core that its entries pass on, and for the front door of each backend.
import { readFileSync } from "node:fs";
import { join } from "node:path";

const core = "../packages/core";
const read = (path) => readFileSync(new URL(`${core}/${path}`, import.meta.url), "utf8");
const entries = Object.values(JSON.parse(read("package.json")).exports).filter((path) => !path.includes("conformance"));
const passedOnBy = (entry) => [...read(entry).matchAll(/ from "(.+)"/g)].map(([, file]) => join(entry, "..", file));
const passedOn = [...new Set(entries.flatMap((entry) => (entry.includes("/src/") ? [join(entry)] : passedOnBy(entry))))].sort();
const backends = ["backend-node", "backend-tfjs", "backend-web"].map((name) => `../packages/${name}/mod.ts`);

/** @type {Partial<import("typedoc").TypeDocOptions> & Record<string, unknown>} */
export default {
  plugin: ["typedoc-plugin-markdown", "./scripts/modules-plugin.js"],
  tsconfig: "tsconfig.api.json",
  entryPoints: [...passedOn.map((file) => `${core}/${file}`), ...backends],
  displayBasePath: "../packages",
  basePath: "..",
  name: "API",
  readme: "none",
  out: "api",
  router: "module",
  entryFileName: "index",
  disableGit: true,
  sourceLinkTemplate: "/source/packages/{path}.md#l{line}",
  hideBreadcrumbs: true,
  hidePageHeader: true,
  sort: ["source-order"],
  useCodeBlocks: true,
  expandParameters: true,
  indexFormat: "table",
  parametersFormat: "table",
  interfacePropertiesFormat: "table",
  typeDeclarationFormat: "table",
  tableColumnSettings: { hideSources: true },
  excludeExternals: true,
  excludePrivate: true,
  excludeInternal: true,
  validation: { notExported: false, invalidLink: true, notDocumented: true },
  packagesRequiringDocumentation: ["@ddpm/core", ...backends.map((path) => `@ddpm/${path.split("/")[2]}`)],
  requiredToBeDocumented: ["Function", "Class", "Interface", "Variable", "TypeAlias"],
  treatWarningsAsErrors: true,
};
