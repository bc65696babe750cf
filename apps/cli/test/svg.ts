/** What an SVG shows, for tests. */
import { type DecodedPng, decode } from "fast-png";

/** The embedded PNGs, in order. */
export const picturesOf = (svg: string): DecodedPng[] =>
  [...svg.matchAll(/"data:image\/png;base64,([^"]+)"/g)].map(([, base64]) => decode(Buffer.from(base64!, "base64")));

/** The texts, in order. */
export const textsOf = (svg: string): string[] => [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, text]) => text!);
