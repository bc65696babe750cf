/** `name`, which is one of `names`. Throws a TypeError that names them all for another. */
export function oneOf<T extends string>(names: readonly T[], name: T, what: string): T {
  if (!names.includes(name)) throw new TypeError(`Expected ${what} to be one of ${names.join(", ")} but found ${name}`);
  return name;
}

/** Levenshtein's distance: how many letters to insert, delete or replace. */
export function edits(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (const [i, letter] of [...a.slice(0, 80)].entries()) {
    const next = [i + 1];
    for (let j = 0; j < b.length; j++) next.push(Math.min(next[j]! + 1, row[j + 1]! + 1, row[j]! + (letter === b[j] ? 0 : 1)));
    row = next;
  }
  return row.at(-1)!;
}

/** The one of `names` that `name` may have been meant for; undefined where none is a few letters away. */
export function nearest(name: string, names: readonly string[]): string | undefined {
  const distance = (other: string): number => edits(name.toLowerCase(), other.toLowerCase());
  const [closest] = names.filter((other) => distance(other) <= Math.min(2, name.length / 2)).sort((a, b) => distance(a) - distance(b));
  return closest;
}
