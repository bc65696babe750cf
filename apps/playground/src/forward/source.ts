import { shapes } from "@ddpm/core";

/** A square picture in colour. */
export interface Picture {
  /** Pixels a side. */
  readonly side: number;
  /** Values in [-1, 1], [side, side, 3]. */
  readonly values: Float32Array;
}

/** Numbers of the procedural pictures to choose from: one of each shape. */
export const shapeNumbers = [1, 0, 2, 7, 26] as const;

export function shapePicture(number: number, side: number): Picture {
  const pixels = shapes({ height: side, width: side, channels: 3 }).pixels(number);
  return { side, values: Float32Array.from(pixels, (byte) => byte / 127.5 - 1) };
}

/** The middle square of a person's picture. */
export function pictureOf(bitmap: ImageBitmap, side: number): Picture {
  const context = new OffscreenCanvas(side, side).getContext("2d")!;
  const crop = Math.min(bitmap.width, bitmap.height);
  context.fillStyle = "white"; // under what is transparent
  context.fillRect(0, 0, side, side);
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, (bitmap.width - crop) / 2, (bitmap.height - crop) / 2, crop, crop, 0, 0, side, side);
  const { data } = context.getImageData(0, 0, side, side);
  return { side, values: Float32Array.from({ length: side * side * 3 }, (_, i) => data[Math.floor(i / 3) * 4 + (i % 3)]! / 127.5 - 1) };
}

/** Reads a person's file. Throws a TypeError where it is no picture. */
export async function bitmapOf(file: File): Promise<ImageBitmap> {
  return createImageBitmap(file).catch((cause) => {
    throw new TypeError(`${file.name}: Expected a picture but this browser cannot read it as one; choose a PNG, JPEG or WebP file`, { cause });
  });
}
