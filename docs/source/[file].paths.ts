import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { root } from "../site/repository.ts";

const packages = readdirSync(join(root, "packages"));
const isSource = (path: string): boolean => path.endsWith(".ts") && !path.endsWith(".test.ts");

/** The sources of a package by their paths in the repository. */
function sourcesOf(name: string): string[] {
  const within = readdirSync(join(root, "packages", name, "src"), { recursive: true, encoding: "utf8" });
  return ["mod.ts", ...within.filter(isSource).map((path) => `src/${path}`)].map((path) => `packages/${name}/${path}`);
}

/** A page for each source of the packages. */
export default {
  paths: () =>
    packages.flatMap(sourcesOf).map((file) => ({
      params: { file },
      content: `# ${basename(file)}\n\n${file}\n\n\`\`\`ts:line-numbers ids\n${readFileSync(join(root, file), "utf8")}\`\`\`\n`,
    })),
};
