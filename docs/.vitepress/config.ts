import { tex } from "@mdit/plugin-tex";
import { defineConfig, type MarkdownOptions } from "vitepress";
import { beside } from "../site/beside.ts";
import { formula } from "../site/formula.ts";
import { withPolicy } from "../site/policy.ts";

/** Where the fence says `ids`, each line can be linked to. */
const lineIds: NonNullable<MarkdownOptions["codeTransformers"]>[number] = {
  name: "line ids",
  line(node, line) {
    if (this.options.meta?.__raw?.includes("ids")) node.properties["id"] = `L${line}`;
  },
};

const work = [
  { text: "Begin here", link: "/work/" },
  { text: "1. Noise", link: "/work/forward" },
  { text: "2. Schedules", link: "/work/schedules" },
];

export default defineConfig({
  base: "./",
  lang: "en",
  title: "ddpm",
  description: "Denoising diffusion models in TypeScript, each formula beside the line that implements it",
  head: [["link", { rel: "icon", href: "data:," }]],
  metaChunk: true,
  markdown: {
    codeTransformers: [lineIds],
    config: (md) => {
      md.use(beside);
      md.use(tex, { delimiters: "dollars", render: (content: string, display: boolean) => formula(content, { display }) });
    },
  },
  transformHtml: withPolicy,
  themeConfig: {
    outline: [2, 3],
    search: { provider: "local" },
    nav: [{ text: "Practical work", link: "/work/", activeMatch: "/work/" }],
    sidebar: { "/work/": work },
  },
});
