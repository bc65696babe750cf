import { encode } from "fast-png";
import { writeAtomically } from "./files.ts";

export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3;
  readonly data: Uint8Array;
}

export interface GridOptions {
  readonly columns?: number;
  /** How many pixels a side each pixel becomes; large enough to see by default. */
  readonly scale?: number;
  /** Pixels between images. */
  readonly gap?: number;
}

/** Images in [-1, 1], [n, h, w, c], side by side; values are clamped and rounded. Throws a RangeError for what no picture can show. */
export function grid(values: Float32Array, n: number, h: number, w: number, c: number, options: GridOptions = {}): Picture {
  const { columns = Math.ceil(Math.sqrt(n)), scale = Math.max(1, Math.ceil(64 / Math.max(h, w))), gap = 2 } = options;
  if (c !== 1 && c !== 3) throw new RangeError(`Expected images of 1 or 3 channels to draw but found ${c}; write .safetensors instead`);
  if (n < 1 || values.length !== n * h * w * c) throw new RangeError(`Cannot draw ${values.length} numbers as ${n} images of [${h}, ${w}, ${c}]`);
  const [cellH, cellW] = [h * scale + gap, w * scale + gap];
  const [height, width] = [Math.ceil(n / columns) * cellH - gap, Math.min(n, columns) * cellW - gap];
  const data = new Uint8Array(height * width * c).fill(255);
  for (let i = 0; i < n; i++) {
    const [top, left] = [Math.floor(i / columns) * cellH, (i % columns) * cellW];
    for (let y = 0; y < h * scale; y++) {
      for (let x = 0; x < w * scale; x++) {
        const from = ((i * h + Math.floor(y / scale)) * w + Math.floor(x / scale)) * c;
        const to = ((top + y) * width + left + x) * c;
        for (let k = 0; k < c; k++) data[to + k] = byte(values[from + k]!);
      }
    }
  }
  return { width, height, channels: c, data };
}

const byte = (x: number): number => Math.min(Math.max(Math.round((x + 1) * 127.5), 0), 255);

export const encodePng = (picture: Picture): Uint8Array => encode({ ...picture, depth: 8 });

/** Writes a picture as PNG and returns the bytes. */
export async function writePng(path: string, picture: Picture): Promise<Uint8Array> {
  const png = encodePng(picture);
  await writeAtomically(path, png);
  return png;
}
