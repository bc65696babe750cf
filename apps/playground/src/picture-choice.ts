import { readAddress } from "./address.ts";
import { toBytes } from "./bytes.ts";
import { element, make, onChosen, tell } from "./page.ts";
import { gridOf } from "./picture.ts";
import { bitmapOf, type Picture, type PictureSize, pictureOf, shapeNumbers, shapePicture } from "./source.ts";

const thumbnail: PictureSize = { height: 32, width: 32, channels: 3 };

/** Where a person chooses a picture in a form: one of each shape, or their own. The form hears an `input` event of either. */
export class PictureChoice {
  readonly #form: HTMLFormElement;
  readonly #place: HTMLElement;
  readonly #message: HTMLElement;
  #own: { readonly bitmap: ImageBitmap; readonly choice: HTMLElement } | undefined;

  /** `id` is that of the list of pictures; `<id>-file` is the input for files and `<id>-message` says what came of one. */
  constructor(form: HTMLFormElement, id: string) {
    [this.#form, this.#place, this.#message] = [form, element(id), element(`${id}-message`)];
    for (const number of shapeNumbers) this.#place.append(choiceOf(`${number}`, `Shape ${number}`, shapePicture(number, thumbnail)));
    const stored = readAddress().settings.get("picture");
    this.#check(`${shapeNumbers.find((number) => `${number}` === stored) ?? shapeNumbers[0]}`);
    onChosen(element(`${id}-file`, HTMLInputElement), ([file]) => void this.take(file!));
  }

  /** Takes a person's file as the picture; what is no picture is said to be none, and the one before stays. */
  async take(file: File): Promise<void> {
    try {
      const bitmap = await bitmapOf(file);
      const choice = choiceOf("own", file.name, pictureOf(bitmap, thumbnail));
      this.#own?.choice.remove();
      this.#own?.bitmap.close();
      this.#own = { bitmap, choice };
    } catch (error) {
      return tell(this.#message, `${file.name}: ${(error as Error).message}`, "error");
    }
    tell(this.#message, file.name);
    this.#place.append(this.#own.choice);
    this.#check("own");
    this.#form.dispatchEvent(new Event("input", { bubbles: true }));
  }

  /** The chosen picture in a size. Throws a RangeError for other channels than 1 or 3. */
  in(size: PictureSize): Picture {
    const { value } = this.#radios;
    return value === "own" && this.#own ? pictureOf(this.#own.bitmap, size) : shapePicture(Number(value), size);
  }

  get #radios(): RadioNodeList {
    return this.#form.elements.namedItem("picture") as RadioNodeList;
  }

  #check(value: string): void {
    this.#radios.value = value;
  }
}

function choiceOf(value: string, name: string, { height, width, channels, values }: Picture): HTMLElement {
  const radio = make("input");
  Object.assign(radio, { type: "radio", name: "picture", value });
  radio.setAttribute("aria-label", name);
  const canvas = make("canvas");
  Object.assign(canvas, { width, height });
  canvas.getContext("2d")!.putImageData(gridOf([1, height, width, channels], toBytes(values)), 0, 0);
  return make("label", radio, canvas);
}
