/** The names of markdown-it's types, which it exports by file. */
export type { default as MarkdownIt } from "markdown-it";
export type { default as StateCore } from "markdown-it/lib/rules_core/state_core.mjs";
export type { default as Token } from "markdown-it/lib/token.mjs";
