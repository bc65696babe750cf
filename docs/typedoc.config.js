// The API reference from the docstrings: a page for each file of core that its front door passes on, and for the front door of each backend.
import { readFileSync } from "node:fs";

const core = "../packages/core";
const passedOn = [...readFileSync(new URL(`${core}/mod.ts`, import.meta.url), "utf8").matchAll(/ from "\.\/(.+)"/g)].map(([, file]) => file);
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
  sourceLinkTemplate: "/source/packages/{path}.md#L{line}",
  hideBreadcrumbs: true,
  hidePageHeader: true,
  sort: ["source-order"],
  useCodeBlocks: true,
  excludeExternals: true,
  excludePrivate: true,
  excludeInternal: true,
  validation: { notExported: false, invalidLink: true, notDocumented: true },
  packagesRequiringDocumentation: ["@ddpm/core", ...backends.map((path) => `@ddpm/${path.split("/")[2]}`)],
  requiredToBeDocumented: ["Function", "Class", "Interface", "Variable", "TypeAlias"],
  treatWarningsAsErrors: true,
};
