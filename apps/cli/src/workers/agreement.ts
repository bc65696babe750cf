/** What workers find out about each other before they begin. */
import { createHash } from "node:crypto";
import { type Backend, gathered, type Numbers } from "@ddpm/core";

/**
 * Ends where workers are not to do the same: each says in `facts` what it is about to do. Throws an Error that names the first difference to worker 0; all
 * workers throw the same.
 */
export async function agree(backend: Backend, facts: Readonly<Record<string, unknown>>): Promise<void> {
  const texts = await gatherTexts(backend, JSON.stringify(facts));
  const [first, ...others] = texts.map((text) => JSON.parse(text) as Record<string, unknown>);
  for (const [i, other] of others.entries())
    for (const key of new Set([...Object.keys(first!), ...Object.keys(other)])) {
      const [expected, found] = [first![key], other[key]].map((value) => JSON.stringify(value) ?? "nothing");
      if (expected !== found)
        throw new Error(
          `Expected all workers to do the same but found ${key} ${found} at worker ${i + 1} and ${expected} at worker 0; start all alike`,
        );
    }
}

/** The texts of all workers, by rank. */
async function gatherTexts(backend: Backend, text: string): Promise<string[]> {
  const bytes = new TextEncoder().encode(text);
  const lengths = (await gathered(backend, Float32Array.of(bytes.length))).map(([length]) => length!);
  const padded = new Float32Array(Math.max(...lengths));
  padded.set(bytes);
  const all = await gathered(backend, padded);
  return all.map((values, rank) => new TextDecoder().decode(Uint8Array.from(values.subarray(0, lengths[rank]))));
}

/** What the first worker has to say, of which the others know only how many numbers it is. */
export async function toldByFirst(backend: Backend, values: Numbers): Promise<Numbers> {
  const [first] = await gathered(backend, values);
  return first!;
}

/** What stands for numbers where workers agree on them. */
export function digestOf(...values: readonly (Numbers | Uint8Array)[]): string {
  const hash = createHash("sha256");
  for (const value of values) hash.update(value);
  return hash.digest("hex").slice(0, 16);
}
