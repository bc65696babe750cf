/** What a configuration key can be: one function for each kind of value. */

export interface Field<T> {
  readonly default: T;
  /** One line for people. */
  readonly help: string;
  /** What a value has to be, in words. */
  readonly expected: string;
  readonly accepts: (value: unknown) => boolean;
  /** What a flag's text means; may be a value that `accepts` refuses. */
  readonly parse: (text: string) => unknown;
  /** The names to choose from, where there are such. */
  readonly choices?: readonly string[];
}

interface Bounds {
  readonly least?: number;
  readonly most?: number;
  readonly above?: number;
  readonly below?: number;
  readonly step?: number;
}

export const isNumber = (x: unknown): x is number => typeof x === "number" && Number.isFinite(x);

const within = (x: number, { least = -Infinity, most = Infinity, above = -Infinity, below = Infinity }: Bounds): boolean =>
  x >= least && x <= most && x > above && x < below;

const bounds = ({ least, most, above, below }: Bounds): string => {
  const parts = { "of at least": least, "of at most": most, above, below };
  return Object.entries(parts)
    .flatMap(([word, x]) => (x === undefined ? [] : [` ${word} ${x}`]))
    .join(" and");
};

const parseNumber = (text: string): number => (text.trim() === "" ? NaN : Number(text));

/** What stands in a list's brackets, which may be left out. */
const listed = (text: string): string =>
  text
    .trim()
    .replace(/^\[(.*)\]$/, "$1")
    .trim();

const parseList = (text: string): number[] => (listed(text) === "" ? [] : listed(text).split(",").map(parseNumber));

export const number = (value: number, help: string, limits: Bounds): Field<number> => ({
  default: value,
  help,
  expected: `a number${bounds(limits)}`,
  accepts: (x) => isNumber(x) && within(x, limits),
  parse: parseNumber,
});

export const integer = (value: number, help: string, limits: Bounds): Field<number> => ({
  ...number(value, help, limits),
  expected: `${limits.step === 2 ? "an even" : "an"} integer${bounds(limits)}`,
  accepts: (x) => Number.isSafeInteger(x) && within(x as number, limits) && (x as number) % (limits.step ?? 1) === 0,
});

export const integers = (
  value: readonly number[],
  help: string,
  { shortest = 1, longest = Infinity, ...limits }: Bounds & { readonly shortest?: 0 | 1; readonly longest?: number },
): Field<readonly number[]> => ({
  default: value,
  help,
  expected: `a list of ${shortest} to ${longest} integers${bounds(limits)}, such as ${shortest === 0 ? "1,2, or empty" : value}`,
  accepts: (x) => Array.isArray(x) && x.length >= shortest && x.length <= longest && x.every((n) => Number.isSafeInteger(n) && within(n, limits)),
  parse: parseList,
});

/** A list that may be empty. */
export const numbers = (
  value: readonly number[],
  help: string,
  { longest, ...limits }: Bounds & { readonly longest: number },
): Field<readonly number[]> => ({
  default: value,
  help,
  expected: `a list of at most ${longest} numbers${bounds(limits)}, such as 0.99,0.999, or empty`,
  accepts: (x) => Array.isArray(x) && x.length <= longest && x.every((n) => isNumber(n) && within(n, limits)),
  parse: parseList,
});

export const boolean = (value: boolean, help: string): Field<boolean> => ({
  default: value,
  help,
  expected: "true or false",
  accepts: (x) => typeof x === "boolean",
  parse: (text) => (text === "true" ? true : text === "false" ? false : text),
});

export const choice = <const T extends string>(choices: readonly T[], value: NoInfer<T>, help: string): Field<T> => ({
  default: value,
  help,
  expected: `one of ${choices.join(", ")}`,
  accepts: (x) => (choices as readonly unknown[]).includes(x),
  parse: (text) => text,
  choices,
});

export const text = (value: string, help: string): Field<string> => ({
  default: value,
  help,
  expected: "a text that is not empty",
  accepts: (x) => typeof x === "string" && x !== "",
  parse: (text) => text,
});

export const texts = (value: readonly string[], help: string, { longest }: { readonly longest: number }): Field<readonly string[]> => ({
  default: value,
  help,
  expected: `a list of at most ${longest} different texts that are not empty`,
  accepts: (x) =>
    Array.isArray(x) && x.length <= longest && x.every((text) => typeof text === "string" && text !== "") && new Set(x).size === x.length,
  parse: (text) =>
    listed(text) === ""
      ? []
      : listed(text)
          .split(",")
          .map((part) => part.trim()),
});
