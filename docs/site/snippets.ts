/** What pages let a reader run: their `ts` and `sh` fences, and the `text` fence beneath that shows what they print. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import markdownIt from "markdown-it";
import { root } from "./repository.ts";

export interface Snippet {
  readonly language: "ts" | "sh";
  readonly code: string;
  /** What follows the language in the fence's first line. */
  readonly note: string;
  /** The output that the page shows, if it does. */
  readonly shown: string | undefined;
}

export interface Page {
  /** Path from the folder of the docs, without its ending. */
  readonly name: string;
  readonly snippets: readonly Snippet[];
}

const docs = join(root, "docs");
/** Folders whose pages are made of the sources. */
const generated = /^(api|source|node_modules|public)\//;

/** The pages that are written by hand. */
export const pages = (): Page[] =>
  readdirSync(docs, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".md") && !generated.test(path) && !path.startsWith("."))
    .sort()
    .map((path) => ({ name: path.slice(0, -3), snippets: snippetsOf(readFileSync(join(docs, path), "utf8")) }));

/** The snippets of a page in their order. */
export function snippetsOf(page: string): Snippet[] {
  const tokens = markdownIt().parse(page, {});
  return tokens.flatMap(({ type, info, content: code }, i) => {
    const [language, ...note] = info.split(" ");
    if (type !== "fence" || (language !== "ts" && language !== "sh")) return [];
    const next = tokens[i + 1];
    const shown = next?.type === "fence" && next.info === "text" ? next.content : undefined;
    return [{ language, code, note: note.join(" "), shown }];
  });
}
