import { offers } from "./page.ts";
import { type TabName, tabNames } from "./tabs.ts";

/** What the address says: the tab, and the settings of its form. */
export interface Place {
  readonly tab: TabName;
  readonly settings: URLSearchParams;
}

export function readAddress(): Place {
  const settings = new URLSearchParams(location.hash.slice(1));
  const tab = tabNames.find((name) => name === settings.get("tab")) ?? "draw";
  settings.delete("tab");
  return { tab, settings };
}

/** Keeps the tab and what its form says in the address, so that a link restores both. A visit to another tab can be gone back from. */
export function writeAddress(tab: TabName, form: HTMLFormElement | null, visit: "same" | "new"): void {
  const said = form ? [...new FormData(form)] : [];
  const texts = said.filter((entry): entry is [string, string] => typeof entry[1] === "string" && entry[1] !== "");
  const address = `#${new URLSearchParams([["tab", tab], ...texts])}`;
  if (visit === "new" && readAddress().tab !== tab) history.pushState(undefined, "", address);
  else history.replaceState(undefined, "", address);
}

/** Sets a form as the settings say, but for choices that there are not. Each control tells its change at once, since it may bound the next one. */
export function restore(form: HTMLFormElement, settings: URLSearchParams): void {
  for (const [name, value] of settings) {
    const control = form.elements.namedItem(name);
    if (!(control instanceof HTMLInputElement || control instanceof HTMLSelectElement || control instanceof RadioNodeList)) continue;
    if (!(control instanceof HTMLInputElement || offers(control, value))) continue;
    if (control instanceof HTMLInputElement && control.type === "checkbox") control.checked = control.value === value;
    else control.value = value;
    form.dispatchEvent(new Event("input", { bubbles: true }));
  }
}
