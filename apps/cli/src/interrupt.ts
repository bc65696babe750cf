/** Thrown once work has stopped after Ctrl-C; the message says what was saved. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
}

export interface Interruption extends Disposable {
  readonly requested: boolean;
}

/** Signals that come sooner after one another are one: `npx` passes Ctrl-C on to a process that the terminal has told already. */
const sameKeypress = 1000;

/** Notices Ctrl-C (and SIGTERM) so that work can stop between steps; a second Ctrl-C ends the process at once. */
export function watchInterrupts(message = "Stopping after this step; press Ctrl-C again to stop at once without saving"): Interruption {
  let at: number | undefined;
  const notice = (): void => {
    const now = performance.now();
    if (at !== undefined && now - at > sameKeypress) process.exit(130);
    if (at !== undefined) return;
    at = now;
    process.stderr.write(`\n${message}\n`);
  };
  process.on("SIGINT", notice);
  process.on("SIGTERM", notice);
  return {
    get requested() {
      return at !== undefined;
    },
    [Symbol.dispose]() {
      process.off("SIGINT", notice);
      process.off("SIGTERM", notice);
    },
  };
}
