import { element } from "./page.ts";

export const tabNames = ["draw", "forward", "inspect", "train"] as const;
export type TabName = (typeof tabNames)[number];

const tab = (name: TabName): HTMLElement => element(`tab-${name}`);
const panel = (name: TabName): HTMLElement => element(`panel-${name}`);

/** Which tab each key leads to from tab `i`. */
const keys: Readonly<Record<string, (i: number) => number>> = {
  ArrowRight: (i) => (i + 1) % tabNames.length,
  ArrowLeft: (i) => (i + tabNames.length - 1) % tabNames.length,
  Home: () => 0,
  End: () => tabNames.length - 1,
};

/** Shows one tab's panel and hides the others. */
export function showTab(name: TabName): void {
  for (const other of tabNames) {
    tab(other).setAttribute("aria-selected", String(other === name));
    tab(other).tabIndex = other === name ? 0 : -1;
    panel(other).hidden = other !== name;
  }
  document.body.dataset["tab"] = name;
}

/** Calls `choose` with the tab that a person clicks, or reaches with arrow keys, Home and End. */
export function onTab(choose: (name: TabName) => void): void {
  for (const [i, name] of tabNames.entries()) {
    tab(name).addEventListener("click", () => choose(name));
    tab(name).addEventListener("keydown", (event) => {
      const next = tabNames[keys[event.key]?.(i) ?? -1];
      if (!next) return;
      event.preventDefault();
      tab(next).focus();
      choose(next);
    });
  }
}
