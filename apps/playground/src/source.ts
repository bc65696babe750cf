import { shapes } from "@ddpm/core";

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

/** Reads a person's file. Throws a TypeError where it is no picture. */
export async function bitmapOf(file: File): Promise<ImageBitmap> {
  return createImageBitmap(file).catch((cause) => {
    throw new TypeError(`${file.name}: Expected a picture but this browser cannot read it as one; choose a PNG, JPEG or WebP file`, { cause });
  });
}
