/** What was measured and written down in docs/data, as tables of the pages. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { MarkdownIt, Token } from "./markdown.ts";
import { root } from "./repository.ts";

/** A number and how far it may be off by chance: one standard error. */
export interface Measured {
  readonly value: number;
  readonly error?: number;
}

/** What a file of docs/data holds; undefined where there is none. */
export function dataOf<T>(name: string): T | undefined {
  const file = join(root, "docs/data", name);
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as T) : undefined;
}

/** Makes each fence that begins with `name` the Markdown that `made` writes for the words that follow it. */
export const fence =
  (name: string, made: (words: string) => string) =>
  (md: MarkdownIt): void => {
    md.core.ruler.after("block", name, (state) => {
      state.tokens = state.tokens.flatMap((token) => {
        const [first, ...words] = token.info.split(" ");
        if (token.type !== "fence" || first !== name) return [token];
        const tokens: Token[] = [];
        state.md.block.parse(made(words.join(" ")), state.md, state.env, tokens); // what stands within the cells is read with the rest of the page
        return tokens;
      });
    });
  };

/** A table in Markdown: its first columns are words, its last `numbers` are set to the right. */
export function tableOf(head: readonly string[], rows: readonly (readonly string[])[], numbers: number): string {
  const marks = head.map((_, i) => (i < head.length - numbers ? "---" : "---:"));
  return [head, marks, ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

/** As many digits as the error leaves, in one piece. */
export function told(measured: Measured | undefined): string {
  if (!measured) return "–";
  const { value, error } = measured;
  if (!error) return value.toPrecision(3);
  const digits = Math.max(0, 1 - Math.floor(Math.log10(error)));
  return `${value.toFixed(digits)} ± ${error.toFixed(digits)}`.replaceAll(" ", "\u00a0").replace("-", "−");
}
