import assert from "node:assert/strict";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { findTensorFlow } from "./library.ts";
import { checkLibrary, isAtLeast, readLibrary } from "./library-file.ts";
import { tensorflow } from "./tensorflow/engine.ts";

const folder = mkdtempSync(join(tmpdir(), "ddpm-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const at = (name: string): string => join(folder, name);
const { frameworkLibrary } = findTensorFlow({ path: undefined });

test("a library's head tells its size, machine and glibc as they are", () => {
  const file = readLibrary(frameworkLibrary)!;
  assert.ok(file.bytes >= file.expectedBytes);
  assert.equal(file.machine, process.arch);
  assert.match(file.glibc!, /^2\.\d+$/);
  checkLibrary(frameworkLibrary, "nothing");
});

test("versions compare by their parts", () => {
  for (const [version, other] of [
    ["2.27", "2.27"],
    ["2.36", "2.4"],
    ["525.60.13", "525.60.13"],
    ["530", "525.60.13"],
    ["20.19", "20.19.0"],
  ])
    assert.ok(isAtLeast(version!, other!), `${version} against ${other}`);
  for (const [version, other] of [
    ["2.4", "2.36"],
    ["525.60", "525.60.13"],
    ["18.20.4", "20.19"],
  ])
    assert.ok(!isAtLeast(version!, other!), `${version} against ${other}`);
});

test("a library that is cut short, no library, of another machine or glibc is told before it is loaded", () => {
  copyFileSync(frameworkLibrary, at("short.so"));
  truncateSync(at("short.so"), 5_000_000);
  assert.throws(() => checkLibrary(at("short.so"), "fetch it"), /Expected .*short\.so to be of \d+ bytes but found 5000000; fetch it$/);

  writeFileSync(at("empty.so"), "");
  assert.throws(() => checkLibrary(at("empty.so"), "fetch it"), /empty\.so to be a shared library of 64 bits but found another file; fetch it$/);

  const bytes = readFileSync(frameworkLibrary);
  bytes.writeUInt16LE(183, 18);
  writeFileSync(at("arm.so"), bytes);
  assert.throws(() => checkLibrary(at("arm.so"), "fetch it", { machine: "x64" }), /arm\.so to be built for x64 but found one for arm64; fetch it$/);

  const old = { machine: process.arch, glibc: "2.3" };
  assert.throws(() => checkLibrary(frameworkLibrary, "", old), /Expected glibc 2\.\d+ or newer for .* but found 2\.3; take a newer distribution/);
});

test("TensorFlow whose files are cut short, or lack functions, is an error and not the end of the process", async () => {
  for (const name of ["libtensorflow_cc.so.2", "libtensorflow_framework.so.2"]) symlinkSync(frameworkLibrary, at(name));
  await assert.rejects(
    tensorflow({ library: folder }),
    /Expected TensorFlow in .* to load but found "Cannot find function .*"; correct DDPM_TENSORFLOW/,
  );
  rmSync(at("libtensorflow_cc.so.2"));
  copyFileSync(at("short.so"), at("libtensorflow_cc.so.2"));
  await assert.rejects(tensorflow({ library: folder }), /Expected .*cc\.so\.2 to be of \d+ bytes but found 5000000; correct DDPM_TENSORFLOW/);
});

test("the loader itself says so where a version of a symbol is not in its glibc", async () => {
  rmSync(at("libtensorflow_cc.so.2"));
  const bytes = readFileSync(frameworkLibrary);
  const { glibc } = readLibrary(frameworkLibrary)!;
  const needed = `\0GLIBC_${glibc}\0`;
  bytes.write(needed.replace("_2", "_9"), bytes.indexOf(needed), "latin1");
  writeFileSync(at("libtensorflow_cc.so.2"), bytes);
  await assert.rejects(tensorflow({ library: folder }), new RegExp(`Expected glibc 9${glibc!.slice(1)} or newer for .*cc\\.so\\.2 but found 2`));
});
