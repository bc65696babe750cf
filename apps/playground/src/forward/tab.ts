import { type Schedule, schedule, scheduleNames } from "@ddpm/core/diffusion";
import { element, make } from "../page.ts";
import { gridOf, show } from "../picture.ts";
import { PictureChoice } from "../picture-choice.ts";
import { Curves } from "./curves.ts";
import { noised } from "./noising.ts";

const form = element("forward", HTMLFormElement);
const slider = form.elements.namedItem("t") as HTMLInputElement;

interface Figure {
  readonly canvas: HTMLCanvasElement;
  readonly value: HTMLElement;
}

/** Makes the Forward tab live; the answer takes a picture that is dropped. */
export function openForward(): { take(file: File): void } {
  const view = new ForwardView();
  form.addEventListener("input", () => view.change());
  form.addEventListener("submit", (event) => event.preventDefault());
  return { take: (file) => void view.pictures.take(file) };
}

class ForwardView {
  readonly pictures = new PictureChoice(form, "pictures");
  readonly #figures: readonly Figure[];
  readonly #curves: Curves;
  #timesteps = 0;
  #schedules: readonly (Schedule | undefined)[] = [];
  #due = 0;

  constructor() {
    this.#figures = scheduleNames.map(figureOf);
    this.#curves = new Curves(element("curves"));
    this.change();
  }

  /** Draws what the form says, once a frame however fast a person slides. */
  change(): void {
    cancelAnimationFrame(this.#due);
    this.#due = requestAnimationFrame(() => this.#draw());
  }

  #draw(): void {
    if (!form.checkValidity()) return;
    this.#reschedule(Number(new FormData(form).get("timesteps")));
    const t = Number(slider.value);
    element("t-value").textContent = `${t} of ${this.#timesteps - 1}`;
    this.#curves.mark(t);
    const there = this.#schedules.filter((schedule) => schedule !== undefined);
    const side = Number(new FormData(form).get("size"));
    const picture = this.pictures.in({ height: side, width: side, channels: 3 });
    const bytes = noised(picture, there, t);
    const shape = [1, side, side, 3] as const;
    const length = picture.values.length;
    for (const [i, { canvas, value }] of this.#figures.entries()) {
      const schedule = this.#schedules[i];
      canvas.hidden = !schedule;
      value.textContent = schedule ? `ᾱ ${schedule.alphasCumprod[t]!.toPrecision(3)}` : `not with T = ${this.#timesteps}`;
      if (!schedule) continue;
      const place = there.indexOf(schedule) * length;
      show(canvas, gridOf(shape, bytes.subarray(place, place + length)));
      canvas.setAttribute("aria-label", `The picture at t = ${t} with schedule ${scheduleNames[i]}`);
    }
  }

  #reschedule(timesteps: number): void {
    if (timesteps === this.#timesteps) return;
    this.#timesteps = timesteps;
    slider.max = String(timesteps - 1);
    this.#schedules = scheduleNames.map((name) => possible(() => schedule(name, timesteps)));
    this.#curves.draw(timesteps, this.#schedules);
  }
}

/** Nothing where a schedule cannot have so few timesteps. */
function possible(make: () => Schedule): Schedule | undefined {
  try {
    return make();
  } catch {
    return undefined;
  }
}

function figureOf(name: string): Figure {
  const [canvas, value] = [make("canvas"), make("span")];
  canvas.setAttribute("role", "img");
  element("noised").append(make("li", canvas, make("strong", name), value));
  return { canvas, value };
}
