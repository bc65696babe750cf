import { type Config, imageShape } from "@ddpm/core";
import { type SamplerName, samplers } from "@ddpm/core/diffusion";
import { element, tell } from "../page.ts";
import { PictureChoice } from "../picture-choice.ts";
import type { Start } from "../protocol.ts";
import type { PictureSize } from "../source.ts";
import type { DrawingChoice } from "./drawing-choice.ts";
import { Easel } from "./easel.ts";

function repaintHint(sampler: SamplerName): string {
  if (sampler === "heun") return "Not with this sampler, which corrects each of its steps: choose another.";
  if (!samplers[sampler].chained) return "More fit the new part better to the rest, and take as much longer.";
  return "Only once: the steps of this sampler build on each other.";
}

/** The size that a picture is shown in while there is no model. */
const noModel: PictureSize = { height: 32, width: 32, channels: 3 };

/** Where a person chooses what drawing starts from; shows the controls of the choice and no others. */
export class StartChoice {
  readonly #form: HTMLFormElement;
  readonly #drawing: DrawingChoice;
  readonly #pictures: PictureChoice;
  readonly #easel = new Easel();
  #size = noModel;

  constructor(form: HTMLFormElement, drawing: DrawingChoice) {
    [this.#form, this.#drawing] = [form, drawing];
    this.#pictures = new PictureChoice(form, "start-pictures");
    form.addEventListener("input", () => this.#look());
    this.#look();
  }

  /** Shows pictures as a model sees them. */
  fit(config: Config): void {
    const [, height, width, channels] = imageShape(config, 1);
    this.#size = { height, width, channels };
    this.#look();
  }

  /** Takes a picture that is dropped. */
  take(file: File): void {
    if (!this.#showsPicture) this.#select.value = "picture";
    void this.#pictures.take(file);
  }

  /** What the form says. Throws a RangeError where nothing is painted, or for a model whose channels no picture has. */
  get value(): Start {
    const data = new FormData(this.#form);
    const kind = data.get("start") as Start["kind"];
    if (kind === "noise") return { kind };
    if (kind === "seeds") return { kind, seed2: Number(data.get("seed2")) };
    const { values } = this.#pictures.in(this.#size);
    if (kind === "picture") return { kind, image: values, strength: Number(data.get("strength")) };
    const { mask } = this.#easel;
    if (mask.share === 0) throw new RangeError("Expected a part to draw anew but found nothing painted; paint on the picture, or choose All");
    return { kind, image: values, mask: mask.values, times: Number(data.get("times") ?? 1) };
  }

  get #select(): HTMLSelectElement {
    return this.#form.elements.namedItem("start") as HTMLSelectElement;
  }

  get #showsPicture(): boolean {
    return this.#select.value === "picture" || this.#select.value === "part";
  }

  #look(): void {
    const start = this.#select.value;
    for (const group of this.#form.querySelectorAll<HTMLFieldSetElement>("[data-start]"))
      group.hidden = group.disabled = !group.dataset["start"]!.split(" ").includes(start);
    element("seed-name").textContent = start === "seeds" ? "Seed A" : "Seed";
    const { sampler } = this.#drawing.value;
    element("times", HTMLInputElement).disabled = samplers[sampler].chained === true;
    element("times-hint").textContent = repaintHint(sampler);
    if (this.#showsPicture) this.#put(start === "part");
  }

  #put(paints: boolean): void {
    const message = element("start-pictures-message");
    try {
      this.#easel.put(this.#pictures.in(this.#size), { paints });
    } catch (error) {
      tell(message, (error as Error).message, "error");
    }
  }
}
