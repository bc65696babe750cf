/** What a JSON file of diffusers holds; its values are not to be trusted. */
export type DiffusersJson = Readonly<Record<string, unknown>>;

/** Throws a SyntaxError that names a key of theirs. */
export function refuse(key: string, expected: string, found: unknown, advice: string): never {
  throw new SyntaxError(`Expected ${key} of diffusers to be ${expected} but found ${JSON.stringify(found)?.slice(0, 120)}; ${advice}`);
}

export const isList = (value: unknown): value is unknown[] => Array.isArray(value) && value.length >= 1;
