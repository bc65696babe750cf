/** What workers find out about each other before they begin. */
import type { Backend, Numbers } from "@ddpm/core";
import { input } from "@ddpm/core/graph";
import { Reduction } from "@ddpm/core/training";

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
  const lengths = await gather(backend, Float32Array.of(bytes.length));
  const longest = Math.max(...lengths);
  const padded = new Float32Array(longest);
  padded.set(bytes);
  const all = await gather(backend, padded);
  return Array.from(lengths, (length, rank) => new TextDecoder().decode(Uint8Array.from(all.subarray(rank * longest, rank * longest + length))));
}

/** The values of all workers, by rank; every one has as many. */
async function gather(backend: Backend, values: Float32Array): Promise<Numbers> {
  const all = new Reduction(backend.workers!).gather(input("values", [values.length]));
  await using program = await backend.compile({ outputs: { all } }, new Map());
  return (await program.run({ values }))["all"]!;
}
