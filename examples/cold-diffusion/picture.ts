import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import type { Numbers } from "@ddpm/core";
import sharp from "sharp";

export interface PictureRow {
  /** Lines to the left of the images. */
  readonly label: readonly [string, string];
  /** [n, height, width, channels] in [-1, 1]; the first `columns` are drawn. */
  readonly images: Numbers;
}

export interface PictureSize {
  readonly columns: number;
  readonly height: number;
  readonly width: number;
  readonly channels: 1 | 3;
}

/** Pixels between images, and of the labels' column. */
const [gap, margin] = [4, 136] as const;

/** How many pixels a side each pixel becomes, so that images are some 64 wide. */
const scaleOf = ({ height, width }: PictureSize): number => Math.max(1, Math.round(64 / Math.max(height, width)));

/** Writes rows of small images with labels as a PNG. */
export async function writePicture(path: string, rows: readonly PictureRow[], size: PictureSize): Promise<void> {
  const [across, down] = [size.width * scaleOf(size) + gap, size.height * scaleOf(size) + gap];
  const [height, width] = [rows.length * down + gap, margin + size.columns * across];
  const place = (row: number, column: number) => ({ left: margin + column * across, top: gap + row * down });
  const images = await Promise.all(
    rows.flatMap(({ images }, row) => cells(images, size).map(async (input, i) => ({ input: await input, ...place(row, i) }))),
  );
  await mkdir(dirname(path), { recursive: true });
  await sharp({ create: { width, height, channels: 3, background: "white" } })
    .composite([...images, { input: labels(rows, down, width, height), left: 0, top: 0 }])
    .png({ compressionLevel: 9 })
    .toFile(path);
}

function cells(images: Numbers, size: PictureSize): Promise<Buffer>[] {
  const { columns, height, width, channels } = size;
  const bytes = Buffer.from(Uint8ClampedArray.from(images, (x) => (x + 1) * 127.5));
  const image = (i: number): Buffer => bytes.subarray(i * height * width * channels, (i + 1) * height * width * channels);
  return Array.from({ length: columns }, (_, i) =>
    sharp(image(i), { raw: { height, width, channels } })
      .resize(width * scaleOf(size), height * scaleOf(size), { kernel: "nearest" })
      .png()
      .toBuffer(),
  );
}

/** As SVG: the lines of each row at the middle of its `down` pixels. */
function labels(rows: readonly PictureRow[], down: number, width: number, height: number): Buffer {
  const texts = rows.map(({ label: [name, remark] }, row) => {
    const y = (row + 0.5) * down;
    return `<text x="8" y="${y - 1}" font-weight="bold">${name}</text><text x="8" y="${y + 16}" fill="#444">${remark}</text>`;
  });
  const font = 'font-family="sans-serif" font-size="12"';
  return Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" ${font}>${texts.join("")}</svg>`);
}
