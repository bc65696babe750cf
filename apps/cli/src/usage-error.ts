/** What the command line alone has wrong, so that the program ends with 2. */
export class UsageError extends Error {}

/** What `work` returns. A SyntaxError of the configuration that flags make becomes a UsageError. */
export function usage<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof SyntaxError) throw new UsageError(error.message, { cause: error });
    throw error;
  }
}
