// Writes beneath the programs of the pages what they print; `outputs.ts work/forward` does one page. A program has a `text` fence beneath where its output is to be shown.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { printedBy, programsOf, writeModules } from "../site/programs.ts";
import { root } from "../site/repository.ts";
import { pages } from "../site/snippets.ts";

const all = pages();
const wanted = process.argv.slice(2);
writeModules(all);
for (const page of all.filter((page) => programsOf(page).length > 0 && (wanted.length === 0 || wanted.includes(page.name)))) {
  const file = join(root, "docs", `${page.name}.md`);
  let text = readFileSync(file, "utf8");
  for (const [i, printed] of (await printedBy(page)).entries()) {
    const { code, shown } = programsOf(page)[i]!;
    const end = text.indexOf(code) + code.length;
    if (shown !== undefined) text = text.slice(0, end) + text.slice(end).replace(/```text\n[\s\S]*?```/, () => `\`\`\`text\n${printed}\n\`\`\``);
  }
  writeFileSync(file, text);
  console.log(page.name);
}
