/** Signals that ask a program to stop, with their numbers. */
const signals = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1 } as const;
type Signal = keyof typeof signals;

/** Thrown once work has stopped after a signal, Ctrl-C unless told otherwise; the message says what was saved. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
  /** The exit code by convention. */
  readonly code: number;

  constructor(message: string, signal: Signal = "SIGINT") {
    super(message);
    this.code = 128 + signals[signal];
  }
}

export interface Interruption extends Disposable {
  /** The signal that came, if one did. */
  readonly requested: Signal | undefined;
}

/** Signals that come sooner after one another are one: `npx` passes Ctrl-C on to a process that the terminal has told already. */
const sameKeypress = 1000;

/** Notices Ctrl-C, SIGTERM and SIGHUP so that work can stop between steps; a second signal ends the process at once. */
export function watchInterrupts(message = "Stopping after this step; press Ctrl-C again to stop at once without saving"): Interruption {
  let first: { readonly signal: Signal; readonly at: number } | undefined;
  const notice = (signal: Signal): void => {
    const now = performance.now();
    if (first && now - first.at > sameKeypress) process.exit(128 + signals[signal]);
    if (first) return;
    first = { signal, at: now };
    process.stderr.write(`\n${message}\n`);
  };
  const names = Object.keys(signals) as Signal[];
  for (const name of names) process.on(name, notice);
  return {
    get requested() {
      return first?.signal;
    },
    [Symbol.dispose]() {
      for (const name of names) process.off(name, notice);
    },
  };
}
