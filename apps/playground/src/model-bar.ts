import type { Connection } from "./connection.ts";
import { bytesOf, fetched, largest } from "./opening.ts";
import { element, tell } from "./page.ts";
import type { ModelFacts } from "./protocol.ts";

/** The models that come with the page, in models/. */
const bundled = ["shapes", "fashion"];

/** Where a person chooses the model that Draw and Inspect speak of. A file that is no good leaves the one before in place. */
export class ModelBar {
  readonly #connection: Connection;
  readonly #message = element("model");
  /** The Draw form's hidden field, so that a link names the bundled model. */
  readonly #name: HTMLInputElement;
  #facts: ModelFacts | undefined;
  /** Counts loads: of one that takes long nothing is heard when another has begun. */
  #turn = 0;

  constructor(connection: Connection, form: HTMLFormElement) {
    this.#connection = connection;
    this.#name = form.elements.namedItem("model") as HTMLInputElement;
    connection.listen({
      loaded: ({ model }) => {
        this.#facts = model;
        tell(this.#message, described(model));
        this.#remember(bundled.includes(model.name) ? model.name : "");
      },
      refused: ({ message }) => this.#refuse(message),
    });
    for (const button of document.querySelectorAll<HTMLButtonElement>("[data-model]"))
      button.addEventListener("click", () => this.loadBundled(button.dataset["model"]!));
  }

  get facts(): ModelFacts | undefined {
    return this.#facts;
  }

  loadFile(file: File): void {
    void this.#load(file.name, () => bytesOf(file, largest.checkpoint));
  }

  loadAddress(address: string): void {
    void this.#load(address, (progress) => fetched(address, largest.checkpoint, progress));
  }

  /** Loads the bundled model of this name; nothing where there is none, or where it is loaded. */
  loadBundled(name: string): void {
    if (!bundled.includes(name) || this.#facts?.name === name) return;
    void this.#load(name, (progress) => fetched(`models/${name}.safetensors`, largest.checkpoint, progress));
  }

  /** Loads a checkpoint with `read`, which tells how much it has read. */
  async #load(name: string, read: (progress: (bytes: string) => unknown) => Promise<ArrayBuffer>): Promise<void> {
    const turn = ++this.#turn;
    const latest = (): boolean => turn === this.#turn;
    tell(this.#message, `Reading ${name} …`);
    try {
      const bytes = await read((soFar) => latest() && tell(this.#message, `Reading ${name} … ${soFar}`));
      if (latest()) this.#connection.ask({ kind: "load", name, bytes }, [bytes]);
    } catch (error) {
      if (latest()) this.#refuse(`${name}: ${(error as Error).message}`);
    }
  }

  #refuse(message: string): void {
    tell(this.#message, `${message}${this.#facts ? " (the model before stays)" : ""}`, "error");
  }

  #remember(name: string): void {
    this.#name.value = name;
    this.#name.form!.dispatchEvent(new Event("input", { bubbles: true }));
  }
}

function described({ name, config, parameters, trained }: ModelFacts): string {
  const image = `${config["data.height"]}×${config["data.width"]}×${config["model.channels"]}`;
  const classes = config["model.classes"].length;
  const kinds = classes > 0 ? ` of ${classes} classes` : "";
  return `${name}: ${parameters.toLocaleString("en")} parameters, ${image} pictures${kinds}, trained for ${trained.toLocaleString("en")} steps`;
}
