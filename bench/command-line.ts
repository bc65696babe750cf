import { type ParseArgsConfig, parseArgs } from "node:util";

/** Reads a benchmark's flags; wrong ones are told with `usage` and exit code 2, as all of our commands do. */
export function commandLine(usage: string) {
  function misused(message: string): never {
    console.error(`${message}\n${usage}`);
    process.exit(2);
  }
  return {
    flags<O extends NonNullable<ParseArgsConfig["options"]>>(options: O) {
      try {
        return parseArgs({ options }).values;
      } catch (error) {
        return misused((error as Error).message);
      }
    },
    count(flag: string, text: string): number {
      const value = Number(text);
      return Number.isInteger(value) && value > 0 ? value : misused(`Expected ${flag} to be a positive integer but found ${text}`);
    },
    /** Names of `known` in a comma list; `what` is one of them, in words. */
    names<N extends string>(list: string, known: readonly N[], what: string): N[] {
      const names = list.split(",");
      const unknown = names.find((name) => !(known as readonly string[]).includes(name));
      return unknown === undefined ? (names as N[]) : misused(`Unknown ${what} ${unknown}`);
    },
  };
}
