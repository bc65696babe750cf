import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after, before, test } from "node:test";
import { publint } from "publint";
import { build } from "vite";
import { example, folders, pack, project, read, run, tool } from "./packages.ts";

const temporary = await mkdtemp(join(tmpdir(), "ddpm-"));
const consumer = join(temporary, "project");
const tarballs: string[] = [];

before(async () => {
  for (const folder of folders) tarballs.push(await pack(folder, temporary));
  await project(consumer, tarballs);
});
after(() => rm(temporary, { recursive: true }));

/** What an installed package says of itself. */
const installed = async (name: string) => JSON.parse(await read(join(consumer, "node_modules/@ddpm", name), "package.json"));

test("packing leaves the workspace as it was", async () => {
  for (const folder of folders) {
    assert.ok((await read(folder, "package.json")).includes("publishConfig"), folder);
    for (const name of ["LICENSE", "page"]) assert.ok(!existsSync(join(folder, name)), `${folder}/${name}`);
  }
});

test("packages have one version, depend on each other by it, and bring licence, README and no test", async () => {
  const { version } = await installed("core");
  for (const name of folders.map((folder) => basename(folder))) {
    const { version: own, license, description, dependencies = {} } = await installed(name);
    assert.deepEqual({ own, license, described: description.length > 20 }, { own: version, license: "MIT", described: true });
    for (const [dependency, range] of Object.entries(dependencies))
      assert.match(`${range}`, dependency.startsWith("@ddpm/") ? RegExp(`^${version}$`) : /^[\d.]+$/);
  }
  for (const tarball of tarballs) {
    const files = (await run("tar", ["-tzf", tarball], temporary)).split("\n");
    assert.ok(files.includes("package/LICENSE") && files.includes("package/README.md"), tarball);
    assert.deepEqual(
      files.filter((name) => /\.test\.|\.tsbuildinfo|fixtures|node_modules/.test(name)),
      [],
    );
  }
});

test("publint finds nothing", async () => {
  for (const tarball of tarballs) {
    const { messages } = await publint({ pack: { tarball: Uint8Array.from(await readFile(tarball)).buffer }, strict: true });
    assert.deepEqual(messages, [], tarball);
  }
});

test("are-the-types-wrong finds nothing", async () => {
  const libraries = tarballs.filter((tarball) => !tarball.includes("cli"));
  await Promise.all(libraries.map((tarball) => run(tool("attw"), ["--profile", "esm-only", tarball], temporary)));
});

test("JSR has the version and the entries of npm", async () => {
  const [core] = folders;
  const { version, exports } = JSON.parse(await read(core!, "package.json"));
  const jsr = JSON.parse(await read(core!, "jsr.json"));
  assert.deepEqual({ version: jsr.version, exports: jsr.exports }, { version, exports });
});

for (const [name, lines] of Object.entries({
  core: /^Of an image 0\.\d\d is left half the way to noise\nDrew 2 images\n$/,
  "backend-tfjs": /^Drew 2 images\n$/,
  "backend-node": /^(Step \d has the loss 0\.\d{3}\n){3}$/,
}))
  test(`the example of ${name} runs`, async () => {
    await writeFile(join(consumer, `${name}.js`), await example(consumer, name, "js"));
    assert.match(await run(process.execPath, [`${name}.js`], consumer), lines);
  });

test("strict TypeScript takes the examples and every entry, as Node resolves and as bundlers do", async () => {
  const entries = Object.keys((await installed("core")).exports).map((entry) => `@ddpm/core${entry.slice(1)}`);
  await writeFile(join(consumer, "entries.ts"), entries.map((entry, i) => `export * as entry${i} from "${entry}";\n`).join(""));
  await writeFile(
    join(consumer, "wrong.ts"),
    'import { configure } from "@ddpm/core";\n// @ts-expect-error: a type that is any would take it\nconfigure({ "model.dim": "8" });\n',
  );
  for (const name of ["core", "backend-tfjs", "backend-node", "backend-web"])
    await writeFile(join(consumer, `${name}.ts`), await example(consumer, name, "js"));
  const options = ["--ignoreConfig", "--noEmit", "--strict", "--target", "es2024"];
  for (const resolution of [
    ["--module", "nodenext"],
    ["--module", "esnext", "--moduleResolution", "bundler"],
  ]) {
    await run(tool("tsc"), [...options, ...resolution, "--lib", "ES2024,ESNext.Disposable", "--types", "", "entries.ts", "wrong.ts"], consumer);
    const all = ["core.ts", "backend-tfjs.ts", "backend-node.ts", "backend-web.ts"];
    await run(tool("tsc"), [...options, ...resolution, "--lib", "ES2024,ESNext.Disposable,DOM", "--skipLibCheck", ...all], consumer); // tfjs's own types clash
  }
});

test("the example of backend-web bundles", async () => {
  await writeFile(join(consumer, "backend-web.js"), await example(consumer, "backend-web", "js"));
  await writeFile(join(consumer, "index.html"), '<!doctype html><script type="module" src="./backend-web.js"></script>');
  await build({ root: consumer, logLevel: "silent", build: { target: "esnext" } });
  assert.match(await read(join(consumer, "dist"), "index.html"), /src="\/assets\/index-.*\.js"/);
});

test("the commands of cli's README train, draw and serve the page", async () => {
  const commands = (await example(consumer, "cli", "sh")).split("\n").filter((line) => line.startsWith("npx ddpm "));
  assert.match(await run("npx", ["ddpm", "--help"], consumer), /Usage: ddpm/);
  for (const command of commands.filter((line) => !line.includes("playground"))) await run("npx", command.split(" ").slice(1), consumer);
  for (const path of ["runs/shapes/model.safetensors", "grid.png"]) assert.ok(existsSync(join(consumer, path)), path);
  const served = spawn(process.execPath, ["node_modules/.bin/ddpm", ...commands.at(-1)!.split(" ").slice(2), "--no-open", "--port", "0"], {
    cwd: consumer,
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    const [line] = (await once(served.stdout, "data")) as [Buffer];
    const response = await fetch(`${line}`.match(/http:\S+/)![0]);
    assert.match(await response.text(), /<title>/);
    assert.match(response.headers.get("content-security-policy")!, /default-src 'none'/);
  } finally {
    served.kill();
  }
});
