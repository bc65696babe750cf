import type { ImageShape } from "./protocol.ts";

interface GridOptions {
  /** The pixels between images. */
  readonly gap?: "clear" | "white";
  /** Images in a row; about as many as there are rows unless given. */
  readonly columns?: number | undefined;
}

/** Images side by side as one picture, a pixel for each of theirs and one between. */
export function gridOf(
  [n, h, w, c]: ImageShape,
  bytes: Uint8ClampedArray,
  { gap = "clear", columns = Math.ceil(Math.sqrt(n)) }: GridOptions = {},
): ImageData {
  const picture = new ImageData(columns * (w + 1) - 1, Math.ceil(n / columns) * (h + 1) - 1);
  if (gap === "white") picture.data.fill(255);
  for (let i = 0; i < n; i++) {
    const corner = Math.floor(i / columns) * (h + 1) * picture.width + (i % columns) * (w + 1);
    for (let p = 0; p < h * w; p++) {
      const to = 4 * (corner + Math.floor(p / w) * picture.width + (p % w));
      for (let k = 0; k < 3; k++) picture.data[to + k] = bytes[(i * h * w + p) * c + (k % c)]!; // grey is a colour of three equal parts
      picture.data[to + 3] = 255;
    }
  }
  return picture;
}

/** The same picture with each pixel `scale` a side. */
export function enlarged({ width, height, data }: ImageData, scale: number): ImageData {
  const from = new Uint32Array(data.buffer);
  const to = new Uint32Array(width * scale * height * scale);
  for (let y = 0; y < height * scale; y++) {
    const row = Math.floor(y / scale) * width;
    for (let x = 0; x < width * scale; x++) to[y * width * scale + x] = from[row + Math.floor(x / scale)]!;
  }
  return new ImageData(new Uint8ClampedArray(to.buffer), width * scale, height * scale);
}

/** How much to enlarge a picture of this width for it to be looked at: to some 512 pixels. */
export const enlargement = (width: number): number => Math.max(1, Math.round(512 / width));

/** How high a picture is shown at most, in CSS pixels: a screen should hold it. */
const tallest = 640;

/** Puts a picture on a canvas and shows that at a whole multiple of its size, so that all its pixels look alike. */
export function show(canvas: HTMLCanvasElement, picture: ImageData): void {
  canvas.hidden = false;
  if (canvas.width !== picture.width) canvas.width = picture.width;
  if (canvas.height !== picture.height) canvas.height = picture.height;
  canvas.getContext("2d")!.putImageData(picture, 0, 0);
  const room = Math.min(canvas.parentElement!.clientWidth, 544);
  const scale = Math.floor(Math.min(room / picture.width, tallest / picture.height));
  canvas.style.width = `${Math.max(1, scale) * picture.width}px`;
}
