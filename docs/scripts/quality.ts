// Writes docs/data/quality.json, the table of the page on numbers, from evaluations: quality.ts "model, weights=folder" …, folders as ddpm evaluate leaves them.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { evaluationFile, evaluationOf } from "@ddpm/cli/evaluation";
import { file, rowsOf } from "../site/quality.ts";

const rows = process.argv.slice(2).flatMap((argument) => {
  const [, model, weights, folder] = /^(.+), (.+?)=(.+)$/.exec(argument) ?? [];
  if (!model || !weights || !folder) throw new SyntaxError(`Expected "model, weights=folder" but found ${argument}; write it so`);
  const path = join(folder, evaluationFile);
  return rowsOf(evaluationOf(readFileSync(path, "utf8"), path), { model, weights });
});
mkdirSync(dirname(file), { recursive: true });
writeFileSync(file, `${JSON.stringify(rows, undefined, 2)}\n`);
