import { toBytes } from "../bytes.ts";
import { element } from "../page.ts";
import { gridOf, show } from "../picture.ts";
import type { Picture } from "../source.ts";
import { Mask, type Point } from "./mask.ts";

const canvas = element("easel", HTMLCanvasElement);
const brush = element("brush", HTMLInputElement);
const erase = element("erase", HTMLInputElement);

/** What lies over the pixels that are drawn anew, on a chequered ground so that it shows on every picture, and under the brush. */
const [veil, bright] = [
  [214, 51, 132],
  [255, 255, 255],
] as const;

const arrows: Readonly<Record<string, Point>> = {
  ArrowLeft: { x: -1, y: 0 },
  ArrowRight: { x: 1, y: 0 },
  ArrowUp: { x: 0, y: -1 },
  ArrowDown: { x: 0, y: 1 },
};

/** Shows a picture at the size of the model, and takes what a person paints on it, with a pointer or with arrow keys and space. */
export class Easel {
  #picture: Picture | undefined;
  #mask = new Mask(1, 1);
  #paints = false;
  /** Where the brush is, or was when a person left. */
  #brush: Point | undefined;
  #hovers = false;
  #stroking = false;

  constructor() {
    canvas.addEventListener("pointerdown", (event) => this.#press(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    for (const type of ["pointerup", "pointercancel", "lostpointercapture"] as const)
      canvas.addEventListener(type, () => {
        this.#stroking = false;
      });
    for (const type of ["pointerleave", "blur"] as const) canvas.addEventListener(type, () => this.#leave());
    canvas.addEventListener("keydown", (event) => this.#key(event));
    new ResizeObserver(() => this.look()).observe(canvas.parentElement!);
    const change = (id: string, act: () => void): void =>
      element(id).addEventListener("click", () => {
        act();
        this.look();
      });
    change("mask-all", () => this.#mask.fill(1));
    change("mask-none", () => this.#mask.fill(0));
    change("mask-invert", () => this.#mask.invert());
  }

  get mask(): Mask {
    return this.#mask;
  }

  /** Puts a picture up; what is painted stays where that has the same size. */
  put(picture: Picture, { paints }: { paints: boolean }): void {
    const { height, width } = picture;
    if (this.#mask.height !== height || this.#mask.width !== width) {
      this.#mask = new Mask(height, width);
      const longest = Math.ceil(Math.max(height, width) / 2);
      [brush.max, brush.value] = [`${longest}`, `${Math.ceil(longest / 2)}`];
    }
    [this.#picture, this.#paints] = [picture, paints];
    canvas.classList.toggle("paints", paints);
    canvas.tabIndex = paints ? 0 : -1;
    canvas.setAttribute("role", paints ? "application" : "img");
    this.look();
  }

  /** Shows it as it is now, in the room that there is. */
  look(): void {
    if (!this.#picture) return;
    const { height, width, channels, values } = this.#picture;
    const shown = gridOf([1, height, width, channels], toBytes(values));
    if (this.#paints) this.#veil(shown);
    show(canvas, shown);
    const share = `${Math.round(100 * this.#mask.share)} %`;
    const painting = `Picture to paint on, of which ${share} is drawn anew: arrow keys move the brush, space paints`;
    canvas.setAttribute("aria-label", this.#paints ? painting : "The picture to start from");
  }

  #veil({ data }: ImageData): void {
    for (const [i, masked] of this.#mask.values.entries()) {
      const odd = ((i % this.#mask.width) + Math.floor(i / this.#mask.width)) % 2;
      if (masked) mix(data, i, veil, odd ? 0.9 : 0.7);
      if (this.#hovers && this.#mask.touches(i, this.#brush!, this.#brush!, Number(brush.value))) mix(data, i, bright, 0.45);
    }
  }

  #press(event: PointerEvent): void {
    if (!this.#paints || event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    this.#stroking = true;
    this.#point(place(event));
    this.#stroke(this.#brush!);
  }

  #move(event: PointerEvent): void {
    if (!this.#paints) return;
    const before = this.#brush;
    this.#point(place(event));
    if (this.#stroking && before) this.#stroke(before);
  }

  #key(event: KeyboardEvent): void {
    const arrow = arrows[event.key];
    if (!this.#paints || (!arrow && event.key !== " ")) return;
    event.preventDefault(); // or the page would scroll
    const { width, height } = this.#mask;
    const { x, y } = this.#brush ?? { x: Math.floor(width / 2) + 0.5, y: Math.floor(height / 2) + 0.5 };
    const moved = { x: within(x + (arrow?.x ?? 0), width), y: within(y + (arrow?.y ?? 0), height) };
    this.#point(moved);
    if (!arrow) this.#stroke(moved);
  }

  #point(brush: Point): void {
    [this.#brush, this.#hovers] = [brush, true];
    this.look();
  }

  #leave(): void {
    this.#hovers = false;
    this.look();
  }

  #stroke(from: Point): void {
    this.#mask.stroke(from, this.#brush!, Number(brush.value), erase.checked ? 0 : 1);
    this.look();
  }
}

const within = (x: number, length: number): number => Math.min(Math.max(x, 0.5), length - 0.5);

function place({ clientX, clientY }: PointerEvent): Point {
  const { left, top, width, height } = canvas.getBoundingClientRect();
  return { x: ((clientX - left) / width) * canvas.width, y: ((clientY - top) / height) * canvas.height };
}

function mix(data: Uint8ClampedArray, pixel: number, colour: readonly number[], share: number): void {
  for (const [k, value] of colour.entries()) data[4 * pixel + k] = (1 - share) * data[4 * pixel + k]! + share * value;
}
