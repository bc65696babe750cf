import { SingleBar } from "cli-progress";

export interface ProgressLine {
  /** `done` of the total, with what else is known about it. */
  update(done: number, facts?: Readonly<Record<string, string>>): void;
  stop(): void;
}

/** Progress on stderr: a bar with rate and time left on a terminal, otherwise a line at the first update and then every ten seconds. */
export const progress = (label: string, total: number, done = 0): ProgressLine =>
  process.stderr.isTTY ? bar(label, total, done) : lines(label, total, done);

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
  return { update: (now, facts = {}) => single.update(now, { facts: describe(facts) }), stop: () => single.stop() };
}

function lines(label: string, total: number, first: number): ProgressLine {
  const started = performance.now();
  let written = Number.NEGATIVE_INFINITY;
  let last = -1;
  const write = (done: number, facts: Readonly<Record<string, string>>): void => {
    const left = ((performance.now() - started) / 1000 / Math.max(done - first, 1)) * (total - done);
    process.stderr.write(`${label} ${done}/${total}  ${describe(facts)}  ${Math.round(left)} s left\n`);
    written = performance.now();
    last = done;
  };
  return {
    update: (done, facts = {}) => {
      if (done !== last && (performance.now() - written > 10_000 || done === total)) write(done, facts);
    },
    stop: () => {},
  };
}
