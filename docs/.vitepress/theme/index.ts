import "katex/dist/katex.min.css";
import { inBrowser, type Theme } from "vitepress";
import DefaultTheme from "vitepress/theme-without-fonts";
import { nextTick } from "vue";
import "./style.css";
import { Widget } from "./widget.ts";

/** The browser marks a line that is linked to, `#l12`, only where it is gone to by the browser itself. */
async function markLine(): Promise<void> {
  await nextTick();
  if (/^#l\d+$/.test(location.hash)) location.replace(location.hash);
}

export default {
  extends: DefaultTheme,
  enhanceApp: ({ app, router }) => {
    app.component("Widget", Widget);
    if (inBrowser) router.onAfterRouteChange = markLine;
  },
} satisfies Theme;
