/** Thrown once everything is saved after Ctrl-C. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
}

export interface Interruption extends Disposable {
  readonly requested: boolean;
}

/** Notices Ctrl-C (and SIGTERM) so that work can stop between steps; a second Ctrl-C ends the process at once. */
export function watchInterrupts(message = "Stopping after this step; press Ctrl-C again to stop at once without saving"): Interruption {
  let requested = false;
  const notice = (): void => {
    if (requested) process.exit(130);
    requested = true;
    process.stderr.write(`\n${message}\n`);
  };
  process.on("SIGINT", notice);
  process.on("SIGTERM", notice);
  return {
    get requested() {
      return requested;
    },
    [Symbol.dispose]() {
      process.off("SIGINT", notice);
      process.off("SIGTERM", notice);
    },
  };
}
