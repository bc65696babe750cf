/** What an SVG shows, for tests. */
import { type DecodedPng, decode } from "fast-png";

/** The embedded PNGs, in order. */
export const picturesOf = (svg: string): DecodedPng[] =>
  [...svg.matchAll(/"data:image\/png;base64,([^"]+)"/g)].map(([, base64]) => decode(Buffer.from(base64!, "base64")));

/** The texts, in order. */
export const textsOf = (svg: string): string[] => [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, text]) => text!);

/** The lines of each panel of a figure, in pixels of the panel. */
export const linesOf = (svg: string): [number, number][][][] =>
  svg
    .split(/class="mark-group role-scope concat_\d+_group"/)
    .slice(1)
    .map((panel) =>
      [...panel.matchAll(/class="mark-line role-mark[^>]*>(.*?)<\/g>/g)].flatMap(([, paths]) =>
        [...paths!.matchAll(/ d="M([^"]+)"/g)].map(([, path]) => path!.split("L").map((point) => point.split(",").map(Number) as [number, number])),
      ),
    );
