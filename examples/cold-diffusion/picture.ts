import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import type { Numbers } from "@ddpm/core";
import sharp, { type OverlayOptions } from "sharp";

export interface PictureRow {
  /** Lines to the left of the images. */
  readonly label: readonly [string, string];
  /** [columns, height, width, channels] in [-1, 1]. */
  readonly images: Numbers;
}

export interface PictureSize {
  readonly columns: number;
  readonly height: number;
  readonly width: number;
  readonly channels: 1 | 3;
}

/** Pixels of an image's longer side, between images, and of the labels' column. */
const [side, gap, margin] = [64, 4, 136] as const;

/** Writes rows of small images with labels as a PNG. */
export async function writePicture(path: string, rows: readonly PictureRow[], size: PictureSize): Promise<void> {
  const height = rows.length * (side + gap) + gap;
  const width = margin + size.columns * (side + gap);
  const images = await Promise.all(rows.flatMap(({ images }, row) => cells(images, row, size)));
  await mkdir(dirname(path), { recursive: true });
  await sharp({ create: { width, height, channels: 3, background: "white" } })
    .composite([...images, { input: labels(rows, width, height), left: 0, top: 0 }])
    .png({ compressionLevel: 9 })
    .toFile(path);
}

function cells(images: Numbers, row: number, { columns, height, width, channels }: PictureSize): Promise<OverlayOptions>[] {
  const bytes = Buffer.from(Uint8ClampedArray.from(images, (x) => (x + 1) * 127.5));
  const size = height * width * channels;
  const scale = Math.max(1, Math.floor(side / Math.max(height, width)));
  return Array.from({ length: columns }, async (_, i) => ({
    input: await sharp(bytes.subarray(i * size, (i + 1) * size), { raw: { height, width, channels } })
      .resize(width * scale, height * scale, { kernel: "nearest" })
      .png()
      .toBuffer(),
    left: margin + i * (side + gap),
    top: gap + row * (side + gap),
  }));
}

function labels(rows: readonly PictureRow[], width: number, height: number): Buffer {
  const texts = rows.map(({ label: [name, remark] }, row) => {
    const y = gap + row * (side + gap) + side / 2;
    return `<text x="8" y="${y - 3}" font-weight="bold">${name}</text><text x="8" y="${y + 14}" fill="#444">${remark}</text>`;
  });
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="sans-serif" font-size="12">${texts.join("")}</svg>`;
  return Buffer.from(svg);
}
