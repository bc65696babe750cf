import type { Runs } from "@ddpm/core";

/** Height and width in pixels, and 1 channel for grey, 3 for colour. */
export interface Size {
  readonly height: number;
  readonly width: number;
  readonly channels: 1 | 3;
}

interface Described {
  readonly name: string;
  /** What it was taken for, in words. */
  readonly kind: string;
  readonly count: number;
  /** What was left out of what would fit, because it is for tests or validation; in words. */
  readonly leftOut?: string | undefined;
  /** As in `Dataset`. */
  readonly classes?: readonly string[];
  readonly label?: (index: number) => number;
  /** Why there are no classes though there nearly are; in words. */
  readonly unclassed?: string;
  readonly runs?: Runs;
  /** Bytes of encoded images that reading by runs keeps at most. */
  readonly memory?: number;
  /** What messages call image `index`: its file, or the file and its place in it. */
  title(index: number): string;
}

/** Images of one size that are in memory. */
export interface DecodedSource extends Described {
  readonly size: Size;
  /** Image `index` as bytes, [height, width, channels]. */
  pixels(index: number): Uint8Array;
}

/** Images of any sizes and types, read at random access. */
export interface EncodedSource extends Described {
  readonly size?: undefined;
  /** Image `index` as the bytes of its file. */
  file(index: number): Promise<Uint8Array>;
}

export type Source = DecodedSource | EncodedSource;

/** Classes that a model may have: see `model.classes`. */
const mostClasses = 100_000;

/** The names of labels 0 to `most`, where the data have no better ones. Throws a SyntaxError for more than a model can have. */
export function numbered(most: number): string[] {
  if (most >= mostClasses)
    throw new SyntaxError(`Expected labels below ${mostClasses} but found ${most}; fetch the file again, or number its classes from 0`);
  return Array.from({ length: most + 1 }, (_, label) => String(label));
}
