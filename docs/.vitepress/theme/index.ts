import "katex/dist/katex.min.css";
import type { Theme } from "vitepress";
import DefaultTheme from "vitepress/theme-without-fonts";
import "./style.css";
import { Widget } from "./widget.ts";

export default {
  extends: DefaultTheme,
  enhanceApp: ({ app }) => void app.component("Widget", Widget),
} satisfies Theme;
