import { readdirSync } from "node:fs";
import { join } from "node:path";
import { tex } from "@mdit/plugin-tex";
import { defineConfig, type MarkdownOptions } from "vitepress";
import { beside } from "../site/beside.ts";
import { compared } from "../site/comparisons.ts";
import { formula } from "../site/formula.ts";
import { withPolicy } from "../site/policy.ts";
import { quality } from "../site/quality.ts";
import { root } from "../site/repository.ts";

/** Where the fence says `ids`, each line can be linked to. */
const lineIds: NonNullable<MarkdownOptions["codeTransformers"]>[number] = {
  name: "line ids",
  line(node, line) {
    if (this.options.meta?.__raw?.includes("ids")) node.properties["id"] = `l${line}`;
  },
};

/** A flag of the command line has a class of its own, in commands and in texts, so that no line ends within its dashes. */
const flags: NonNullable<MarkdownOptions["codeTransformers"]>[number] = {
  name: "flags",
  span(node, _line, _column, _element, token) {
    if (this.options.lang === "sh" && token.content.trim().startsWith("--")) this.addClassToHast(node, "flag");
  },
};

const work = [
  { text: "Begin here", link: "/work/" },
  { text: "1. Noise", link: "/work/forward" },
  { text: "2. Schedules", link: "/work/schedules" },
  { text: "3. The loss", link: "/work/loss" },
  { text: "4. The network", link: "/work/network" },
  { text: "5. Training", link: "/work/training" },
  { text: "6. Sampling", link: "/work/sampling" },
  { text: "7. Exercises", link: "/work/exercises" },
  { text: "What the numbers mean", link: "/numbers" },
];

/** The pages of the API, whose files TypeDoc wrote, by their paths within it. */
const api = readdirSync(join(root, "docs/api"), { recursive: true, encoding: "utf8" })
  .filter((path) => path.endsWith(".md") && path !== "index.md")
  .map((path) => path.slice(0, -3));

export default defineConfig({
  base: "./",
  lang: "en",
  title: "ddpm",
  description: "Denoising diffusion models in TypeScript, each formula beside the line that implements it",
  head: [["link", { rel: "icon", href: "data:," }]],
  metaChunk: true,
  appearance: { disableTransition: false }, // which takes a style of its own, and the policy forbids those
  vite: { build: { assetsInlineLimit: 0 } }, // nor are fonts in texts of data allowed
  markdown: {
    codeTransformers: [lineIds, flags],
    config: (md) => {
      md.use(beside);
      md.use(quality);
      md.use(compared);
      md.core.ruler.push("flags", ({ tokens }) => {
        for (const code of tokens.flatMap(({ children }) => children ?? [])) if (/^--\S+$/.test(code.content)) code.attrJoin("class", "flag");
      });
      md.use(tex, { delimiters: "dollars", render: (content: string, display: boolean) => formula(content, { display }) });
    },
  },
  transformHtml: withPolicy,
  themeConfig: {
    outline: [2, 3],
    search: { provider: "local" },
    nav: [
      { text: "Practical work", link: "/work/", activeMatch: "/work/" },
      { text: "Numbers", link: "/numbers" },
      { text: "API", link: "/api/", activeMatch: "/api/" },
      { text: "Playground", link: "/playground/index.html", target: "_self" },
    ],
    sidebar: {
      "/work/": work,
      "/numbers": work,
      "/api/": [
        { text: "Backends", items: api.filter((path) => !path.includes("/")).map((path) => ({ text: path, link: `/api/${path}` })) },
        {
          text: "core",
          items: api.filter((path) => path.startsWith("core/")).map((path) => ({ text: path.slice(5).replace(/\/mod$/, ""), link: `/api/${path}` })),
        },
      ],
    },
  },
});
