import { type Config, labelsInRows } from "@ddpm/core";
import { element, make, offers } from "../page.ts";
import type { ModelFacts, Settings } from "../protocol.ts";

const group = element("classes", HTMLFieldSetElement);
const select = element("class-name", HTMLSelectElement);
const guidance = element("guidance", HTMLInputElement);

/** What to draw of which classes. */
interface Wanted extends Pick<Settings, "labels" | "guidance"> {
  /** Pictures in a row, where there is a row for each class. */
  readonly columns?: number;
}

/** Where a person chooses a class by its name; there for models with classes alone. */
export class ClassChoice {
  /** Keeps what a link asks for until there is a model to ask. */
  readonly #asked: HTMLInputElement;
  #names: Config["model.classes"] = [];
  #knowsNone = true;

  constructor(form: HTMLFormElement) {
    this.#asked = form.elements.namedItem("class") as HTMLInputElement;
    select.addEventListener("input", () => {
      this.#asked.value = select.value;
    });
    form.addEventListener("input", () => this.#look());
  }

  /** Offers a model's classes, and any where it draws without one, too. */
  offer({ config: { "model.classes": names }, knowsNone }: Pick<ModelFacts, "config" | "knowsNone">): void {
    [this.#names, this.#knowsNone] = [names, knowsNone];
    const choices = [...(knowsNone ? [["", "any"]] : []), ...names.map((name, i) => [`${i}`, name]), ["all", "all, a row each"]];
    select.replaceChildren(...choices.map(([value, name]) => Object.assign(make("option", name!), { value })));
    group.hidden = group.disabled = names.length === 0;
    this.#asked.form!.dispatchEvent(new Event("input", { bubbles: true }));
  }

  /** What the form says for so many pictures; all classes may take a few more, as in `ddpm sample --class all`. */
  of(count: number): Wanted {
    if (select.value === "" || group.disabled) return { labels: Array.from({ length: count }, () => undefined), guidance: 1 };
    const scale = this.#knowsNone ? Number(guidance.value) : 1;
    if (select.value === "all") return { ...this.#inRows(count), guidance: scale };
    return { labels: Array.from({ length: count }, () => Number(select.value)), guidance: scale };
  }

  /** What a grid shows of these classes, in words; nothing for pictures of no class. */
  describe({ labels, columns }: Wanted): string {
    const [first] = labels;
    if (first === undefined) return "";
    const all = `of each class: ${this.#names.join(", ")}`;
    return columns ? `${labels.length > this.#names.length ? "A row" : "One"} ${all}` : `Class: ${this.#names[first]}`;
  }

  /** A row for each class; where there is one picture of each they stand side by side, as many as fit on a screen. */
  #inRows(count: number): Pick<Wanted, "labels" | "columns"> {
    const { labels, columns } = labelsInRows([...this.#names.keys()], count);
    return { labels, columns: columns > 1 ? columns : Math.min(labels.length, 32) };
  }

  #look(): void {
    select.value = offers(select, this.#asked.value) ? this.#asked.value : (select.options[0]?.value ?? "");
    guidance.disabled = select.value === "" || !this.#knowsNone;
  }
}
