import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { findTensorFlow, wheels } from "@ddpm/backend-node";

const folder = mkdtempSync(join(tmpdir(), "ddpm-"));
after(() => rmSync(folder, { recursive: true, force: true }));
/** An environment in which TensorFlow is not found. */
const without = { DDPM_TENSORFLOW: folder };
const bin = new URL("../bin/ddpm.js", import.meta.url).pathname;

/** Runs ddpm with an empty cache of its own. */
function ddpm(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const cache = mkdtempSync(join(folder, "cache-"));
  return new Promise<{ code: number; stdout: string; stderr: string; cache: string }>((resolve) => {
    execFile(process.execPath, [bin, ...args], { env: { ...process.env, XDG_CACHE_HOME: cache, ...env } }, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr, cache }),
    );
  });
}

/** Expects failure with exactly one line that says so, and no trace in the cache. */
async function refuses(expected: RegExp, args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<void> {
  const { code, stderr, cache } = await ddpm(args, env);
  const complaints = stderr.split("\n").filter((line) => line.startsWith("ddpm: "));
  assert.equal(code, 1, stderr);
  assert.equal(complaints.length, 1, stderr);
  assert.match(complaints[0]!, expected);
  assert.deepEqual(
    readdirSync(cache, { recursive: true }).filter((name) => `${name}`.includes("tensorflow")),
    [],
  );
}

test("setup refuses a wheel that is another file, or none", async () => {
  const file = join(folder, "a.whl");
  writeFileSync(file, "not a wheel");
  await refuses(/Expected a\.whl to be tensorflow-cpu with sha256 \w{64} but found \w{64}; fetch that wheel again$/, ["setup", "--wheel", file]);
  await refuses(/Expected --wheel to be a folder with all that npx ddpm setup --cuda --dry-run lists/, ["setup", "--cuda", "--wheel", file]);
  await refuses(/Expected a wheel at .*manylinux.*whl but could not read it/, ["setup", "--cuda", "--wheel", folder]);
  await refuses(/Expected a wheel or a folder of wheels at .*b\.whl but could not read it/, ["setup", "--wheel", join(folder, "b.whl")]);
});

test("setup says what to do without pip, offline, and where it may not write", async () => {
  const empty = join(folder, "empty");
  mkdirSync(empty);
  await refuses(/Expected Python with pip .* but found none; install python3-pip, or fetch the wheel elsewhere/, ["setup"], { PATH: empty });
  const nowhere = { PIP_INDEX_URL: "http://127.0.0.1:9/simple", PIP_RETRIES: "0", PIP_CONFIG_FILE: "/dev/null", PIP_NO_INDEX: "0" };
  await refuses(
    new RegExp(`Expected pip to fetch tensorflow-cpu .* check the network, or fetch ${wheels.cpu[0]!.file} elsewhere`),
    ["setup"],
    nowhere,
  );
  await refuses(/Expected to write to .*; set XDG_CACHE_HOME to a folder you own$/, ["setup"], { XDG_CACHE_HOME: bin });
});

test("without TensorFlow, training says what is missing and sampling falls back to wasm", async () => {
  const out = join(folder, "run");
  const shape = ["--data", "shapes", "--preset", "tiny", "--data.height", "8", "--data.width", "8", "--train.batch", "4", "--steps", "1"];
  await refuses(
    /Expected libtensorflow_cc.so.2 .* but found no such pair; correct DDPM_TENSORFLOW, or unset it and run npx ddpm setup$/,
    ["train", ...shape, "--out", out],
    without,
  );
  const trained = await ddpm(["train", ...shape, "--device", "reference", "--out", out]);
  assert.equal(trained.code, 0, trained.stderr);
  const sample = ["sample", "--checkpoint", out, "--sampler", "ddim", "--steps", "2", "--count", "1", "--out", join(folder, "x.png")];
  const { code, stderr } = await ddpm(sample, without);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /Expected libtensorflow.* npx ddpm setup\. Sampling on wasm instead/);
});

test("doctor names the command that mends what is missing, and ends with 1", async () => {
  const { code, stdout, stderr } = await ddpm(["doctor"], without);
  assert.equal(code, 1, stderr);
  assert.match(stdout, /^✗ +TensorFlow +missing: Expected libtensorflow.*\n +→ correct DDPM_TENSORFLOW, or unset it and run npx ddpm setup$/m);
  assert.match(stdout, /^ok wasm +tfjs on WebAssembly$/m);
  assert.match(stderr, /^ddpm: Expected a machine that trains but found faults; mend what is marked ✗ and run npx ddpm doctor again\n$/);
});

test("doctor --json says for scripts that a library is cut short, and where a run cannot be written", async () => {
  const { directory } = findTensorFlow();
  const short = join(folder, "short");
  mkdirSync(short);
  for (const name of ["libtensorflow_cc.so.2", "libtensorflow_framework.so.2"])
    writeFileSync(join(short, name), readFileSync(join(directory, "libtensorflow_framework.so.2")).subarray(0, 1_000_000));
  const { code, stdout } = await ddpm(["doctor", "--json", "--cuda", "--out", join(bin, "run")], {
    DDPM_TENSORFLOW: short,
    PATH: join(folder, "none"),
  });
  assert.equal(code, 1);
  const { ok, findings } = JSON.parse(stdout) as { ok: boolean; findings: { what: string; level: string; found: string; remedy?: string }[] };
  assert.equal(ok, false);
  const found = (name: string): string => {
    const { level, found, remedy } = findings.find(({ what }) => what === name)!;
    return `${level}: ${found} → ${remedy}`;
  };
  assert.match(
    found("TensorFlow"),
    /^fault: does not work: Expected .*framework\.so\.2 to be of \d+ bytes but found 1000000; correct DDPM_TENSORFLOW/,
  );
  assert.match(found("Run folder"), /^fault: .*run cannot be written: .* is a file → free some, or choose another --out$/);
  assert.match(found("pip"), /^note: missing → apt-get install python3-pip/);
  assert.match(found("GPU"), /^fault: .*NVIDIA/);
});

test("doctor ends with 0 where training works", async () => {
  const cache = process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache");
  const { code, stdout, stderr } = await ddpm(["doctor", "--out", folder], { XDG_CACHE_HOME: cache });
  assert.equal(code, 0, stdout + stderr);
  assert.match(stdout, /^(ok|!) +TensorFlow +TensorFlow 2\.\d+\.\d+ on the CPU trains/m);
  assert.match(stdout, /\nTraining works/);
  assert.equal(stderr, "");
});

test("a Node that is too old is told so before anything is loaded that it cannot read", async () => {
  const old = `data:text/javascript,${encodeURIComponent('Object.defineProperty(process, "versions", { value: { node: "18.20.4" } })')}`;
  const { code, stdout, stderr } = await ddpm(["doctor"], { NODE_OPTIONS: `--import ${old}` });
  assert.match(stderr, /^ddpm: Expected Node 20\.19 or newer but found v[\d.]+; install Node 22 or 24, for example with nvm install 22\n$/);
  assert.equal(code, 1);
  assert.equal(stdout, "");
});

test("packages that are not installed are told", async () => {
  cpSync(join(bin, ".."), join(folder, "bin"), { recursive: true });
  cpSync(join(bin, "../../package.json"), join(folder, "package.json"));
  const { code, stderr } = await new Promise<{ code: number; stderr: string }>((resolve) => {
    execFile(process.execPath, [join(folder, "bin/ddpm.js"), "doctor"], (error, _, stderr) => resolve({ code: Number(error?.code ?? 0), stderr }));
  });
  assert.match(
    stderr,
    /^ddpm: Expected ddpm's packages to load but found Cannot find package 'tsx' .*; run npm install, or npm run setup where ddpm's sources are\n$/,
  );
  assert.equal(code, 1);
});
