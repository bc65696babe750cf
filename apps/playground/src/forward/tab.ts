import { type Schedule, schedule, scheduleNames } from "@ddpm/core";
import { toBytes } from "../bytes.ts";
import { element, make, onChosen, tell } from "../page.ts";
import { gridOf, show } from "../picture.ts";
import { Curves } from "./curves.ts";
import { noised } from "./noising.ts";
import { bitmapOf, type Picture, pictureOf, shapeNumbers, shapePicture } from "./source.ts";

const form = element("forward", HTMLFormElement);
const slider = form.elements.namedItem("t") as HTMLInputElement;
const message = element("forward-message");

interface Figure {
  readonly canvas: HTMLCanvasElement;
  readonly value: HTMLElement;
}

/** Makes the Forward tab live; the answer takes a picture that is dropped. */
export function openForward(): { take(file: File): void } {
  const view = new ForwardView();
  form.addEventListener("input", () => view.change());
  form.addEventListener("submit", (event) => event.preventDefault());
  onChosen(element("own", HTMLInputElement), ([file]) => void view.takeOwn(file!));
  return { take: (file) => void view.takeOwn(file) };
}

class ForwardView {
  readonly #figures: readonly Figure[];
  readonly #curves: Curves;
  #own: ImageBitmap | undefined;
  #timesteps = 0;
  #schedules: readonly (Schedule | undefined)[] = [];
  #due = 0;

  constructor() {
    for (const number of shapeNumbers) element("pictures").append(choiceOf(`${number}`, `Shape ${number}`, shapePicture(number, 32)));
    const stored = new URLSearchParams(location.hash.slice(1)).get("picture");
    check(shapeNumbers.find((number) => `${number}` === stored) ?? shapeNumbers[0]);
    this.#figures = scheduleNames.map(figureOf);
    this.#curves = new Curves(element("curves"));
    this.change();
  }

  /** Draws what the form says, once a frame however fast a person slides. */
  change(): void {
    cancelAnimationFrame(this.#due);
    this.#due = requestAnimationFrame(() => this.#draw());
  }

  async takeOwn(file: File): Promise<void> {
    try {
      this.#own = await bitmapOf(file);
      tell(message, file.name);
    } catch (error) {
      return tell(message, (error as Error).message, "error");
    }
    document.getElementById("picture-own")?.parentElement?.remove();
    element("pictures").append(choiceOf("own", file.name, pictureOf(this.#own, 32)));
    check("own");
    this.change();
  }

  #draw(): void {
    if (!form.checkValidity()) return;
    this.#reschedule(Number(new FormData(form).get("timesteps")));
    const t = Number(slider.value);
    element("t-value").textContent = `${t} of ${this.#timesteps - 1}`;
    this.#curves.mark(t);
    const there = this.#schedules.filter((schedule) => schedule !== undefined);
    const picture = this.#picture();
    const bytes = noised(picture, there, t);
    const shape = [1, picture.side, picture.side, 3] as const;
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

  #picture(): Picture {
    const data = new FormData(form);
    const [choice, side] = [String(data.get("picture")), Number(data.get("size"))];
    return choice === "own" && this.#own ? pictureOf(this.#own, side) : shapePicture(Number(choice), side);
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

const check = (value: string | number): void => {
  (form.elements.namedItem("picture") as RadioNodeList | HTMLInputElement).value = `${value}`;
};

function choiceOf(value: string, name: string, { side, values }: Picture): HTMLLabelElement {
  const radio = make("input");
  Object.assign(radio, { type: "radio", name: "picture", value, id: `picture-${value}` });
  radio.setAttribute("aria-label", name);
  const canvas = make("canvas");
  const label = make("label", radio, canvas);
  Object.assign(canvas, { width: side, height: side });
  canvas.getContext("2d")!.putImageData(gridOf([1, side, side, 3], toBytes(values)), 0, 0);
  return label;
}

function figureOf(name: string): Figure {
  const [canvas, value] = [make("canvas"), make("span")];
  canvas.setAttribute("role", "img");
  element("noised").append(make("li", canvas, make("strong", name), value));
  return { canvas, value };
}
