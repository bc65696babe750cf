/** The element of index.html with this id. Throws an Error where it is missing or of another kind, which is a fault of the page itself. */
export function element<E extends HTMLElement = HTMLElement>(id: string, kind: new () => E = HTMLElement as unknown as new () => E): E {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`Cannot find #${id} as a ${kind.name} in index.html`);
  return found;
}

/** A text for people, in place of what stood there. */
export function tell(place: HTMLElement, text: string, kind: "fact" | "error" = "fact"): void {
  place.textContent = text;
  place.dataset["kind"] = kind;
}

/** A new element with a text or other nodes in it. */
export function make<K extends keyof HTMLElementTagNameMap>(tag: K, ...content: (Node | string)[]): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  made.append(...content);
  return made;
}

/** Whether a list or a group of radio buttons has this value among its choices. */
export function offers(control: HTMLSelectElement | RadioNodeList, value: string): boolean {
  const choices = control instanceof HTMLSelectElement ? [...control.options] : [...control].filter((node) => node instanceof HTMLInputElement);
  return choices.some((choice) => choice.value === value);
}

/** Gives a person a file to keep. */
export function download(name: string, content: Blob): void {
  const link = document.createElement("a");
  link.download = name;
  link.href = URL.createObjectURL(content);
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // the browser reads it after this turn
}

/** The file that a person chose, each time they do. */
export function onChosen(input: HTMLInputElement, take: (files: readonly File[]) => void): void {
  input.addEventListener("change", () => {
    const files = [...(input.files ?? [])];
    input.value = ""; // so that choosing the same file again is a change
    if (files.length > 0) take(files);
  });
}
