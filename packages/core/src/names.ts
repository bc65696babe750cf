/** `name`, which is one of `names`. Throws a TypeError that names them all for another. */
export function oneOf<T extends string>(names: readonly T[], name: T, what: string): T {
  if (!names.includes(name)) throw new TypeError(`Expected ${what} among ${names.join(", ")} but found ${name}`);
  return name;
}
