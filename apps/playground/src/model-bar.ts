import type { Connection } from "./connection.ts";
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

  /** Loads a checkpoint from what is still to be read. */
  async load(name: string, source: Promise<ArrayBuffer>): Promise<void> {
    tell(this.#message, `Reading ${name} …`);
    try {
      const bytes = await source;
      this.#connection.ask({ kind: "load", name, bytes }, [bytes]);
    } catch (error) {
      this.#refuse(`${name}: ${(error as Error).message}`);
    }
  }

  loadAddress(address: string): void {
    void this.load(address, fetched(address));
  }

  /** Loads the bundled model of this name; nothing where there is none, or where it is loaded. */
  loadBundled(name: string): void {
    if (bundled.includes(name) && this.#facts?.name !== name) void this.load(name, fetched(`models/${name}.safetensors`));
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

async function fetched(address: string): Promise<ArrayBuffer> {
  const found = await fetch(address).then(
    (response) => (response.ok ? response : `status ${response.status}`),
    ({ message }: Error) => message,
  );
  if (typeof found === "string") throw new Error(`Expected a checkpoint from ${address} but found ${found}; check the address and the connection`);
  return found.arrayBuffer();
}
