import { open } from "node:fs/promises";

/** What `ddpm train` writes of a step; `step` and `loss` are always there. */
export type LogLine = Readonly<Record<string, number>>;

/**
 * The lines of a run's log.jsonl, one at a time: logs of long runs are large. A last line that was cut off is left out, since a run may just be writing it.
 * Throws a SyntaxError that names the line for any other that is not as `ddpm train` writes it.
 */
export async function* logLines(path: string): AsyncGenerator<LogLine> {
  await using file = await open(path);
  let cut: string | undefined;
  let number = 0;
  for await (const text of file.readLines()) {
    if (cut !== undefined) throw wrong(path, number, cut);
    number++;
    const line = parsed(text);
    if (line) yield line;
    else cut = text;
  }
}

function parsed(text: string): LogLine | undefined {
  try {
    const line = Object(JSON.parse(text)) as LogLine;
    return typeof line["step"] === "number" && typeof line["loss"] === "number" ? line : undefined;
  } catch {
    return undefined;
  }
}

const wrong = (path: string, number: number, found: string): SyntaxError =>
  new SyntaxError(
    `${path}: Expected line ${number} to be JSON with numbers "step" and "loss" but found ${found.slice(0, 60)}; choose the log.jsonl of a run folder`,
  );
