import { Census } from "./census.ts";
import { facts } from "./decode.ts";
import type { Source } from "./source.ts";

/** Images that are looked at before training: headers of all 200,000 of a folder would take a minute. */
const looked = 1000;

/** Runs that are read for it, since each takes as long as reading hundreds of images. */
const runsRead = 8;

/** What images are like, from the headers of up to 1,000 of them; the broken are left out. */
export async function survey(source: Source): Promise<Census> {
  const census = new Census();
  if (source.size) census.add({ format: "bytes", ...source.size, grey: source.size.channels === 1, alpha: false }, source.count);
  else
    for (const index of spread(source, looked))
      await source
        .file(index)
        .then(facts)
        .then((about) => census.add(about), leaveOut);
  return census;
}

/** Training counts it when its turn comes. */
const leaveOut = (): void => {};

/** Up to `most` of a source's images, evenly spread: over some of its runs where it has such. */
function spread({ count, runs }: Pick<Source, "count" | "runs">, most: number): number[] {
  const starts = runs?.starts ?? [0];
  const chosen = evenly(starts.length, runsRead);
  const share = Math.ceil(most / chosen.length);
  const images = chosen.flatMap((run) => evenly((starts[run + 1] ?? count) - starts[run]!, share).map((row) => starts[run]! + row));
  return images.slice(0, most);
}

/** Up to `most` of 0 … n - 1, evenly spread. */
export const evenly = (n: number, most: number): number[] =>
  Array.from({ length: Math.min(n, most) }, (_, i) => Math.floor((i * n) / Math.min(n, most)));
