import { SingleBar } from "cli-progress";

/** Disposing of it gives the terminal back. */
export interface ProgressLine extends Disposable {
  /** `done` of the total, with what else is known about it. */
  update(done: number, facts?: Readonly<Record<string, string>>): void;
}

/** What shows nothing, for workers after the first. */
export const noProgress: ProgressLine = { update: () => {}, [Symbol.dispose]: () => {} };

/** Progress on stderr: a bar with rate and time left on a terminal, otherwise a line at the first update and then every ten seconds. */
export const progress = (label: string, total: number, done = 0): ProgressLine =>
  process.stderr.isTTY ? bar(label, total, done) : lines(label, total);

const describe = (facts: Readonly<Record<string, string>>): string =>
  Object.entries(facts)
    .map(([name, value]) => `${name} ${value}`)
    .join("  ");

function bar(label: string, total: number, done: number): ProgressLine {
  const single = new SingleBar({
    format: `${label} {bar} {value}/{total}  {facts}  {eta_formatted} left`,
    hideCursor: true,
    etaBuffer: 20,
    stream: process.stderr,
  });
  single.start(total, done, { facts: "" });
  return { update: (now, facts = {}) => single.update(now, { facts: describe(facts) }), [Symbol.dispose]: () => single.stop() };
}

function lines(label: string, total: number): ProgressLine {
  let first: { readonly done: number; readonly at: number } | undefined; // with it everything is compiled: what came before tells nothing of the pace
  let written = Number.NEGATIVE_INFINITY;
  const left = (done: number, now: number): string => {
    if (!first || done === first.done) return "";
    return `  ${Math.round(((now - first.at) / 1000 / (done - first.done)) * (total - done))} s left`;
  };
  return {
    update: (done, facts = {}) => {
      const now = performance.now();
      if (now - written < 10_000 && done !== total) return;
      process.stderr.write(`${label} ${done}/${total}  ${describe(facts)}${left(done, now)}\n`);
      first ??= { done, at: now };
      written = now;
    },
    [Symbol.dispose]: () => {},
  };
}
