import type { Images } from "./protocol.ts";

/** Draws images side by side, one canvas pixel for each of theirs and one between. */
export function drawGrid(canvas: HTMLCanvasElement, { shape: [n, h, w, c] }: Images, values: Float32Array): void {
  const columns = Math.ceil(Math.sqrt(n));
  canvas.width = columns * (w + 1) - 1;
  canvas.height = Math.ceil(n / columns) * (h + 1) - 1;
  const context = canvas.getContext("2d")!;
  for (let i = 0; i < n; i++) {
    const image = toImageData(values.subarray(i * h * w * c, (i + 1) * h * w * c), w, h, c);
    context.putImageData(image, (i % columns) * (w + 1), Math.floor(i / columns) * (h + 1));
  }
}

/** Values in [-1, 1] of one or three channels as pixels; what lies outside is clamped. */
function toImageData(values: Float32Array, width: number, height: number, channels: number): ImageData {
  const image = new ImageData(width, height);
  for (let i = 0; i < width * height; i++) {
    for (let k = 0; k < 3; k++) image.data[4 * i + k] = Math.round(((values[i * channels + (k % channels)] ?? 0) + 1) * 127.5);
    image.data[4 * i + 3] = 255;
  }
  return image;
}
