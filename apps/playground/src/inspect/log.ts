export interface Losses {
  readonly steps: readonly number[];
  readonly losses: readonly number[];
}

/**
 * The losses that `ddpm train` wrote to log.jsonl, one JSON object a line. A last line without its end is of a run that still writes, and left out.
 * Throws a SyntaxError that names the line for anything else.
 */
export function lossesOf(text: string): Losses {
  const lines = text.split("\n").slice(0, -1);
  if (lines.length === 0) throw new SyntaxError("Expected a line for each step but found none; choose the log.jsonl of a run that has made a step");
  const found = lines.map((line, i) => lossOf(line, i + 1));
  const back = found.findIndex(({ step }, i) => i > 0 && step <= found[i - 1]!.step);
  if (back >= 0) {
    const [before, after] = [found[back - 1]!.step, found[back]!.step];
    throw new SyntaxError(`Expected steps that rise but found step ${after} after ${before} in line ${back + 1}; choose the log.jsonl of one run`);
  }
  return { steps: found.map(({ step }) => step), losses: found.map(({ loss }) => loss) };
}

function lossOf(line: string, number: number): { step: number; loss: number } {
  const { step, loss } = objectOf(line) ?? {};
  if (Number.isSafeInteger(step) && Number.isFinite(loss)) return { step: step as number, loss: loss as number };
  throw new SyntaxError(
    `Expected numbers "step" and "loss" as JSON in line ${number} but found ${line.slice(0, 60)}; choose the log.jsonl of a run folder`,
  );
}

function objectOf(line: string): Record<string, unknown> | undefined {
  try {
    return Object(JSON.parse(line)) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}
