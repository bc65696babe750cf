// What the pages show runs, and prints what they show beneath
import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { before, test } from "node:test";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { findTensorFlow } from "@ddpm/backend-node";
import { shapes } from "@ddpm/core";
import { folder, printedBy, programsOf, writeModules } from "./programs.ts";
import { root } from "./repository.ts";
import { type Page, pages, type Snippet, snippetsOf } from "./snippets.ts";

const having = (language: Snippet["language"]) => (page: Page) => page.snippets.some((snippet) => snippet.language === language);

test("snippetsOf() finds programs and commands, with what is shown of their output", () => {
  const page = "Text\n\n```ts\nf();\n```\n\n```text\n1\n```\n\n```sh small: --steps 2\nls\n```\n\n```json\n{}\n```\n";
  assert.deepEqual(snippetsOf(page), [
    { language: "ts", code: "f();\n", note: "", shown: "1\n" },
    { language: "sh", code: "ls\n", note: "small: --steps 2", shown: undefined },
  ]);
});

before(() => writeModules(pages()));

test("the programs of the pages have no wrong types", async () => {
  const tsc = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin/tsc");
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ extends: "../tsconfig.json", include: ["*.mts"], exclude: [] }));
  await promisify(execFile)(process.execPath, [tsc, "-p", folder]).catch(({ stdout }: { stdout: string }) => assert.fail(stdout));
});

for (const page of pages().filter(having("ts"))) {
  test(`the programs of ${page.name} print what it shows`, async () => {
    const printed = await printedBy(page);
    for (const [i, { code, shown }] of programsOf(page).entries()) assert.equal(printed[i], (shown ?? "").trim(), code);
  });
}

for (const page of pages().filter(having("sh"))) {
  test(`the commands of ${page.name} run and print what it shows`, async () => {
    const place = mkdtempSync(join(tmpdir(), "ddpm-docs-"));
    try {
      const environment = environmentIn(place);
      for (const snippet of page.snippets.filter(({ language }) => language === "sh")) {
        const printed = execFileSync("bash", ["-euo", "pipefail", "-c", commandsOf(snippet)], { cwd: place, env: environment, encoding: "utf8" });
        if (snippet.shown !== undefined) assert.equal(printed.trim(), snippet.shown.trim(), snippet.code);
      }
    } finally {
      rmSync(place, { recursive: true, force: true });
    }
  });
}

/** The commands with the flags of their note `small: …` added to those that train or draw, which come last and so are the ones that count. */
function commandsOf({ code, note }: Snippet): string {
  const small = note.replace(/^small: /, "");
  const commands = code.replaceAll(/\\\n\s*/g, "").replaceAll(/ --epochs \d+/g, "");
  return `npx() { "$@"; }\n${commands.replaceAll(/^npx ddpm [^#\n]*/gm, (command) => `${command} ${small}`)}`;
}

/** Where `ddpm` is found, and a small data set in the place of Fashion-MNIST, whose files are in the cache of the machine or nowhere. */
function environmentIn(place: string): NodeJS.ProcessEnv {
  const cache = join(place, "cache/ddpm");
  mkdirSync(join(cache, "fashion-mnist"), { recursive: true });
  symlinkSync(join(root, "docs"), join(place, "docs"));
  for (const [name, bytes] of Object.entries(smallFashion())) writeFileSync(join(cache, "fashion-mnist", name), gzipSync(bytes));
  const bin = [join(root, "docs/node_modules/.bin"), join(root, "node_modules/.bin")];
  return {
    ...process.env,
    PATH: [...bin, process.env["PATH"]].join(":"),
    XDG_CACHE_HOME: join(place, "cache"),
    DDPM_TENSORFLOW: findTensorFlow().directory,
  };
}

/** Idx files as Fashion-MNIST's, of 64 shapes. */
function smallFashion(): Record<string, Uint8Array> {
  const { pixels, label, count, height, width } = shapes({ count: 64 });
  const images = Array.from({ length: count }, (_, i) => Buffer.from(pixels(i)));
  const head = (type: number, ...sizes: number[]): Buffer => {
    const bytes = Buffer.alloc(4 + 4 * sizes.length);
    bytes.writeUInt32BE(0x0800 | type);
    for (const [i, size] of sizes.entries()) bytes.writeUInt32BE(size, 4 + 4 * i);
    return bytes;
  };
  const labels = Buffer.concat([head(1, count), Buffer.from(images.map((_, i) => label!(i)))]);
  const pictures = Buffer.concat([head(3, count, height, width), ...images]);
  return {
    "train-images-idx3-ubyte.gz": pictures,
    "train-labels-idx1-ubyte.gz": labels,
    "t10k-images-idx3-ubyte.gz": pictures,
    "t10k-labels-idx1-ubyte.gz": labels,
  };
}
