import { useData, withBase } from "vitepress";
import { defineComponent, h, onBeforeUnmount, ref, watchEffect } from "vue";

/** A tab of the playground within a page: live, as high as it needs, and as light or dark as the page. */
export const Widget = defineComponent({
  props: {
    tab: { type: String, required: true },
    /** As the playground keeps them in its address. */
    settings: { type: String, default: "" },
    /** What to show of the tab: `pictures` leaves curves out. */
    show: { type: String, default: "" },
    title: { type: String, required: true },
  },
  setup: ({ tab, settings, show, title }) => {
    const { isDark } = useData();
    const frame = ref<HTMLIFrameElement>();
    const page = ref<HTMLElement>();
    const size = ref<ResizeObserver>();
    const loaded = (): void => {
      const body = frame.value!.contentDocument!.body;
      page.value = body;
      size.value = new ResizeObserver(() => {
        frame.value!.style.height = `${body.offsetHeight}px`;
      });
      size.value.observe(body);
    };
    watchEffect(() => page.value?.ownerDocument.documentElement.style.setProperty("color-scheme", isDark.value ? "dark" : "light"));
    onBeforeUnmount(() => size.value?.disconnect());
    const address = (search: string): string => withBase(`/playground/index.html${search}#tab=${tab}&${settings}`);
    return () =>
      h("figure", { class: "widget" }, [
        h("iframe", { ref: frame, src: address(`?embed=${show}`), title, loading: "lazy", onLoad: loaded }),
        h("figcaption", [`${title}. `, h("a", { href: address(""), target: "_self" }, "Open the playground")]),
      ]);
  },
});
