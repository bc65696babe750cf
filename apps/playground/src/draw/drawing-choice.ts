import { type DrawingSettings, drawingSettings, type SchedulerDrawing } from "@ddpm/core";
import { samplers } from "@ddpm/core/diffusion";
import { element } from "../page.ts";

/** How this page draws unless a person, or a model from diffusers, says otherwise. */
const usual: DrawingSettings = { sampler: "ddim", clip: true };

const choices = ["sampler", "spacing", "clip", "rederive"] as const;
type Choice = (typeof choices)[number];

/** Where a person chooses how to draw. What they leave is as the model's scheduler in diffusers draws, or as usual: the choices say which, and what that is. */
export class DrawingChoice {
  readonly #form: HTMLFormElement;
  readonly #note = element("drawing-note");
  #model: SchedulerDrawing | undefined;

  constructor(form: HTMLFormElement) {
    this.#form = form;
    form.addEventListener("input", () => this.#look());
    this.#look();
  }

  /** Takes what a model's scheduler says, if it has one. */
  fit(drawing: SchedulerDrawing | undefined): void {
    this.#model = drawing;
    const { name, settings, differences } = drawing ?? { differences: [] };
    const taken = settings ? [`What is left to the model is as its ${name} draws.`] : [];
    this.#note.textContent = [...taken, ...differences.map((difference) => `Of its ${name}: ${difference}.`)].join(" ");
    this.#look();
  }

  /** How to draw, as in `ddpm sample` with the same choices. */
  get value(): DrawingSettings {
    return this.#settled(this.#asked);
  }

  get #asked(): Partial<DrawingSettings> {
    const said = choices.map((choice) => [choice, this.#select(choice).value] as const).filter(([, value]) => value !== "");
    return Object.fromEntries(said.map(([choice, value]) => [choice, answers[value] ?? value]));
  }

  #settled(asked: Partial<DrawingSettings>): DrawingSettings {
    return drawingSettings(asked, usual, this.#model?.settings);
  }

  #select(choice: Choice): HTMLSelectElement {
    return this.#form.elements.namedItem(choice) as HTMLSelectElement;
  }

  #look(): void {
    const { sampler } = this.value;
    for (const choice of choices) {
      const { [choice]: _, ...others } = this.#asked;
      const settled = this.#settled(others);
      const whose = this.#model?.settings?.sampler === settled.sampler ? "the model's" : "usual";
      const [left, ...rest] = this.#select(choice).options;
      const value = said(settled[choice] ?? standard(choice, settled));
      left!.text = `${whose}: ${rest.find((option) => option.value === value)!.text}`;
    }
    this.#select("rederive").disabled = sampler !== "ddim";
  }
}

const answers: Readonly<Record<string, boolean>> = { yes: true, no: false };

const said = (value: string | boolean): string => (typeof value === "boolean" ? (value ? "yes" : "no") : value);

/** What a sampler does where nothing says otherwise. */
const standard = (choice: Choice, { sampler }: DrawingSettings): string | boolean =>
  choice === "spacing" ? samplers[sampler].spacing : choice === "clip" ? samplers[sampler].clip : true;
