import { shapes } from "@ddpm/core";
import { checkSize, largest } from "./opening.ts";

export interface PictureSize {
  readonly height: number;
  readonly width: number;
  /** 1 for grey, 3 for colour. */
  readonly channels: number;
}

export interface Picture extends PictureSize {
  /** Values in [-1, 1], [height, width, channels]. */
  readonly values: Float32Array;
}

/** Numbers of the procedural pictures to choose from: one of each shape. */
export const shapeNumbers = [1, 0, 2, 7, 26] as const;

/** Throws a RangeError for other channels than 1 or 3. */
export function shapePicture(number: number, size: PictureSize): Picture {
  return { ...size, values: toValues(shapes(size).pixels(number)) };
}

/** The middle of a person's picture. Throws a RangeError for other channels than 1 or 3. */
export function pictureOf(bitmap: ImageBitmap, { height, width, channels }: PictureSize): Picture {
  if (channels !== 1 && channels !== 3)
    throw new RangeError(`Expected a model of 1 or 3 channels for a picture but found one of ${channels}; start from noise`);
  const context = new OffscreenCanvas(width, height).getContext("2d")!;
  const scale = Math.max(width / bitmap.width, height / bitmap.height);
  const [cropWidth, cropHeight] = [width / scale, height / scale];
  context.fillStyle = "white"; // under what is transparent
  context.fillRect(0, 0, width, height);
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, (bitmap.width - cropWidth) / 2, (bitmap.height - cropHeight) / 2, cropWidth, cropHeight, 0, 0, width, height);
  const { data } = context.getImageData(0, 0, width, height);
  const pixels = Array.from({ length: width * height }, (_, i) => [...data.subarray(4 * i, 4 * i + 3)]);
  return { height, width, channels, values: toValues(pixels.flatMap((pixel) => (channels === 3 ? pixel : [luma(pixel)]))) };
}

/** How bright a pixel is (ITU-R BT.601), as a byte, so that it is shown just as it is used. */
const luma = ([red, green, blue]: readonly number[]): number => Math.round(0.299 * red! + 0.587 * green! + 0.114 * blue!);

const toValues = (bytes: ArrayLike<number>): Float32Array => Float32Array.from(bytes, (byte) => byte / 127.5 - 1);

/** Pixels of a person's picture at most: those of a large camera, which take 256 MiB to decode. */
const mostPixels = 2 ** 26;

/** Reads a person's file. Throws a TypeError where it is no picture, and a RangeError where it is too large to decode. */
export async function bitmapOf(file: File): Promise<ImageBitmap> {
  checkSize(file, largest.picture);
  const { width, height } = await sizeOf(file).catch(refuse);
  if (width * height > mostPixels)
    throw new RangeError(`Expected a picture of at most ${mostPixels} pixels but found ${width} × ${height}; make it smaller`);
  return createImageBitmap(file).catch(refuse);
}

function refuse(cause: unknown): never {
  throw new TypeError("Expected a picture but found none that this browser can read; choose a PNG, JPEG or WebP file", { cause });
}

/** The size that a picture claims, without its pixels being decoded. */
async function sizeOf(file: File): Promise<{ width: number; height: number }> {
  const image = new Image();
  image.src = URL.createObjectURL(file);
  try {
    await new Promise((resolve, reject) => {
      [image.onload, image.onerror] = [resolve, reject];
    });
    return { width: image.naturalWidth, height: image.naturalHeight };
  } finally {
    URL.revokeObjectURL(image.src);
  }
}
