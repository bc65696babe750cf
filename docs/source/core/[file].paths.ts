import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../../site/repository.ts";

const folder = join(root, "packages/core/src");
const isSource = (name: string): boolean => name.endsWith(".ts") && !name.endsWith(".test.ts");

/** A page for each source of core. */
export default {
  paths: () =>
    readdirSync(folder)
      .filter(isSource)
      .map((name) => ({
        params: { file: name.slice(0, -3) },
        content: `# ${name}\n\n\`\`\`ts:line-numbers ids\n${readFileSync(join(folder, name), "utf8")}\`\`\`\n`,
      })),
};
