/** Runs the programs of pages: those of one page are one module, for each goes on from those before. */
import { execFile } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { root } from "./repository.ts";
import type { Page, Snippet } from "./snippets.ts";

/** Where the modules are written; within the docs, whose dependencies they import. */
export const folder = join(root, "docs/.snippets");

/** Printed between the programs of a page. */
const divider = "\u0001";

export const programsOf = ({ snippets }: Page): Snippet[] => snippets.filter(({ language }) => language === "ts");

const fileOf = ({ name }: Page): string => join(folder, `${name.replaceAll("/", "-")}.mts`);

/** Writes a module for each page that has programs, in a new folder. */
export function writeModules(pages: readonly Page[]): void {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  for (const page of pages) {
    const programs = programsOf(page).map(({ code }) => code);
    if (programs.length > 0) writeFileSync(fileOf(page), programs.join(`process.stdout.write(${JSON.stringify(divider)});\n`));
  }
}

/** What each program of a page prints, whose module is written. Rejects where one fails. */
export async function printedBy(page: Page): Promise<string[]> {
  const { stdout } = await promisify(execFile)(process.execPath, ["--import", "tsx", fileOf(page)], { cwd: join(root, "docs") });
  return stdout.split(divider).map((text) => text.trim());
}
