import { type Facts, facts } from "./decode.ts";
import type { Source } from "./source.ts";

/** Images that are looked at before training. */
const looked = 1000;

/** Headers of up to 1,000 images, evenly spread; the broken are left out. */
export async function survey(source: Source): Promise<Facts[]> {
  if (source.size) return [{ format: "raw", ...source.size, grey: source.size.channels === 1, alpha: false }];
  const count = Math.min(source.count, looked);
  const found: Facts[] = [];
  for (let i = 0; i < count; i++) {
    const about = await source
      .file(Math.floor((i * source.count) / count))
      .then(facts)
      .catch(() => undefined);
    if (about) found.push(about);
  }
  return found;
}
