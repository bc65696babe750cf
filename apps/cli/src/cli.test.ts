import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { text } from "node:stream/consumers";
import { after, before, test } from "node:test";
import { configure, shapes, trainingStep } from "@ddpm/core";
import { decode, encode } from "@ddpm/core/safetensors";
import { decode as decodePng } from "fast-png";
import { bin, ddpm, fails, small, stateOf, succeeds } from "./cli-process.ts";
import { RunFolder } from "./run-folder.ts";

const folder = mkdtempSync(join(tmpdir(), "ddpm-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const at = (name: string): string => join(folder, name);

/** What many tests look at and none changes: `whole`, a run of eight steps. */
before(() => succeeds("train", ...small, "--steps", "8", "--out", at("whole")));

test("a resumed run ends in the same bytes as one that was never stopped", async () => {
  await succeeds("train", ...small, "--steps", "3", "--out", at("parts"));
  await succeeds("train", "--resume", "--steps", "8", "--out", at("parts"));
  for (const file of ["model.safetensors", "config.json"]) {
    assert.ok(readFileSync(at(`whole/${file}`)).equals(readFileSync(at(`parts/${file}`))), file);
  }
  assert.ok(stateOf(at("whole")).equals(stateOf(at("parts"))));
  const losses = (run: string) =>
    readFileSync(at(`${run}/log.jsonl`), "utf8")
      .trim()
      .split("\n")
      .map((line) => (JSON.parse(line) as { loss: number }).loss);
  assert.deepEqual(losses("parts"), losses("whole"));
});

test("a run that draws timesteps by their losses resumes to the same bytes", async () => {
  const run = [...small, "--diffusion.timesteps", "2", "--diffusion.variance", "learned", "--train.timesteps", "importance"];
  await succeeds("train", ...run, "--steps", "14", "--out", at("importance"));
  await succeeds("train", ...run, "--steps", "9", "--out", at("importance-parts"));
  await succeeds("train", "--resume", "--steps", "14", "--out", at("importance-parts"));
  const [whole, parts] = ["importance", "importance-parts"].map((name) => stateOf(at(name)));
  assert.ok(whole!.equals(parts!));
  const [counts, history] = ["lossCounts", "lossHistory"].map((name) => [...decode(whole!).tensors.get(`timesteps/${name}`)!.data]);
  assert.deepEqual(counts, [10, 10]);
  assert.ok(history!.every((loss) => loss > 0));
});

for (const [signal, code] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
  ["SIGHUP", 129],
] as const) {
  test(`${signal} saves a checkpoint and exits with ${code}`, async () => {
    const run = at(`stopped-${signal}`);
    const child = spawn(process.execPath, [bin, "train", ...small, "--steps", "100000", "--out", run], { stdio: ["ignore", "ignore", "pipe"] });
    let said = "";
    child.stderr.on("data", (text: Buffer) => {
      said += text;
      if (!text.includes("train 1/")) return;
      child.kill(signal);
      setTimeout(() => child.kill(signal), 5); // as npx does
    });
    assert.equal(await new Promise((resolve) => child.on("exit", resolve)), code, said);
    assert.match(said, /Saved step \d+; go on with npx ddpm train --resume --steps 100000 --out /);
    const { tensors } = decode(stateOf(run));
    assert.ok(tensors.has("ema/init_conv.weight"));
    assert.match(readFileSync(join(run, "loss.svg"), "utf8"), /at step \d+/);
  });
}

test("a run that was stopped before it saved anything starts again with --resume", async () => {
  await succeeds("train", ...small, "--steps", "1", "--out", at("early"));
  for (const name of ["states", "model.safetensors", "log.jsonl"]) rmSync(at(`early/${name}`), { recursive: true });
  await succeeds("train", "--resume", "--steps", "8", "--out", at("early"));
  assert.ok(stateOf(at("early")).equals(stateOf(at("whole"))));
});

test("resume drops a line that a crash cut off, and refuses to go back", async () => {
  cpSync(at("whole"), at("cut"), { recursive: true });
  appendFileSync(at("cut/log.jsonl"), '{"step":9,"lo');
  await succeeds("train", "--resume", "--steps", "9", "--out", at("cut"));
  const steps = readFileSync(at("cut/log.jsonl"), "utf8").trim().split("\n");
  assert.deepEqual(
    steps.map((line) => (JSON.parse(line) as { step: number }).step),
    [1, 2, 3, 4, 5, 6, 7, 8, 9],
  );
  await fails(
    /Expected --steps or --epochs to reach beyond step 9, where the run stands, but found step 4/,
    1,
    "train",
    "--resume",
    "--steps",
    "4",
    "--out",
    at("cut"),
  );
});

test("a run on several threads, over epochs with a partial batch, resumes to the same bytes", async () => {
  const count = 70;
  const idx = new Uint8Array(16 + count * 256);
  for (const [i, n] of [0x803, count, 16, 16].entries()) new DataView(idx.buffer).setUint32(4 * i, n);
  const pictures = shapes({ height: 16, width: 16 });
  for (let i = 0; i < count; i++) idx.set(pictures.pixels(i), 16 + i * 256);
  mkdirSync(at("seventy"));
  writeFileSync(at("seventy/train-images-idx3-ubyte"), idx);
  const run = ["--data", at("seventy"), "--preset", "demo", "--train.sampleEvery", "1000"];
  await succeeds("train", ...run, "--epochs", "2", "--out", at("epochs"));
  await succeeds("train", ...run, "--steps", "2", "--out", at("epochs-parts"));
  await succeeds("train", "--resume", "--epochs", "2", "--out", at("epochs-parts"));
  assert.ok(stateOf(at("epochs")).equals(stateOf(at("epochs-parts"))));
});

test("sample draws the same images for a seed, and fewer are a prefix of more", async () => {
  const draw = async (count: number) => {
    await succeeds(
      "sample",
      "--checkpoint",
      at("whole"),
      "--sampler",
      "ddim",
      "--steps",
      "4",
      "--count",
      `${count}`,
      "--seed",
      "3",
      "--out",
      at("s.safetensors"),
    );
    return decode(readFileSync(at("s.safetensors"))).tensors.get("samples")!;
  };
  const [four, two] = [await draw(4), await draw(2)];
  assert.deepEqual(four.shape, [4, 1, 8, 8]);
  for (const [i, x] of two.data.entries()) assert.ok(Math.abs(x - four.data[i]!) < 1e-4);
});

test("sample writes a PNG grid", async () => {
  await succeeds("sample", "--checkpoint", at("whole"), "--sampler", "dpm++", "--steps", "3", "--count", "4", "--out", at("grid.png"));
  const solver = ["sample", "--checkpoint", at("whole"), "--sampler", "dpm++", "--steps", "3", "--count", "1", "--out", at("one.png")];
  assert.match((await ddpm(...solver)).stderr, /likely to draw noise.*: --clip, --sigma-max 80/);
  assert.doesNotMatch((await ddpm(...solver, "--clip")).stderr, /likely to draw noise/);
  assert.deepEqual([...readFileSync(at("grid.png")).subarray(1, 4)], [...Buffer.from("PNG")]);
});

test("invert finds noise from which DDIM draws an image again", async () => {
  const checkpoint = ["--checkpoint", at("whole"), "--steps", "100"];
  const few = ["--sampler", "ddim", "--count", "2", "--seed", "5"];
  await succeeds("sample", ...checkpoint, ...few, "--out", at("drawn"));
  await succeeds("invert", ...checkpoint, "--images", at("drawn"), "--out", at("noise.safetensors"));
  await succeeds(
    "sample",
    ...checkpoint,
    "--sampler",
    "ddim",
    "--no-clip",
    "--sigma-max",
    "20",
    "--init",
    at("noise.safetensors"),
    "--out",
    at("again"),
  );
  for (const name of ["0000.png", "0001.png"]) {
    const [drawn, again] = ["drawn", "again"].map((run) => decodePng(readFileSync(at(`${run}/${name}`))).data);
    for (const [i, x] of drawn!.entries()) assert.ok(Math.abs(x - again![i]!) <= 3, `${name}: ${x} against ${again![i]} at ${i}`);
  }
  await succeeds("invert", ...checkpoint, "--images", at("drawn/0001.png"), "--out", at("one.safetensors"));
  const noises = ["one", "noise"].map((name) => decode(readFileSync(at(`${name}.safetensors`))).tensors.get("xT")!);
  assert.deepEqual(
    noises.map(({ shape }) => shape),
    [
      [1, 1, 8, 8],
      [2, 1, 8, 8],
    ],
  );
  await fails(/Expected --out to end in .safetensors/, 2, "invert", ...checkpoint, "--images", at("drawn"), "--out", at("x.png"));
});

test("denoise predicts eps, and takes a checkpoint without metadata once told the groups", async () => {
  const { tensors } = decode(readFileSync(at("whole/model.safetensors")));
  writeFileSync(at("python.safetensors"), encode(tensors));
  writeFileSync(
    at("in.safetensors"),
    encode(
      new Map([
        ["x", { shape: [1, 1, 8, 8], data: new Float32Array(64).fill(0.5) }],
        ["t", { shape: [1], data: Int32Array.of(7) }],
      ]),
    ),
  );
  const args = ["--checkpoint", at("python.safetensors"), "--input", at("in.safetensors"), "--out", at("eps.safetensors")];
  await fails(/Expected --model\.groups since the file does not tell it \(it comes from elsewhere\) but found none; add it/, 1, "denoise", ...args);
  await succeeds("denoise", ...args, "--model.groups", "1");
  const drawn = await ddpm(
    "sample",
    "--checkpoint",
    at("python.safetensors"),
    "--model.groups",
    "1",
    "--data.height",
    "8",
    "--data.width",
    "8",
    "--diffusion.timesteps",
    "20",
    "--count",
    "2",
    "--out",
    at("python.png"),
  );
  assert.equal(drawn.code, 0, drawn.stderr);
  assert.match(drawn.stderr, /The file does not say how the model was trained; taking --diffusion.schedule linear --diffusion.timesteps 20/);
  const flat = encode(
    new Map([
      ["x", { shape: [1, 64], data: new Float32Array(64) }],
      ["t", { shape: [1], data: Int32Array.of(7) }],
    ]),
  );
  writeFileSync(at("flat.safetensors"), flat);
  await fails(
    /flat.safetensors: Expected x of \[n, c, h, w\] but found \[1, 64\]/,
    1,
    "denoise",
    "--checkpoint",
    at("whole"),
    "--input",
    at("flat.safetensors"),
    "--out",
    at("eps.safetensors"),
  );
  assert.deepEqual(decode(readFileSync(at("eps.safetensors"))).tensors.get("eps")!.shape, [1, 1, 8, 8]);
});

/** The status of an answer to a request as it stands, which no client would send so. */
async function raw(address: URL, request: string, host = address.host): Promise<number> {
  const socket = connect(Number(address.port), "127.0.0.1");
  socket.write(`${request}\r\nhost: ${host}\r\nconnection: close\r\n\r\n`);
  return Number(/^HTTP\/1\.1 (\d+)/.exec(await text(socket))![1]);
}

test("playground serves its page and the one checkpoint, and nothing beside them", async () => {
  const child = spawn(process.execPath, [bin, "playground", "--no-open", "--port", "0", "--checkpoint", at("whole")], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    const [said] = (await once(child.stdout, "data")) as [Buffer];
    const address = new URL(/http:\S+/.exec(`${said}`)![0]);
    assert.equal(address.searchParams.get("checkpoint"), "checkpoint/model.safetensors");
    const page = await fetch(address);
    assert.match(await page.text(), /<title>ddpm playground<\/title>/);
    const checkpoint = await fetch(new URL("checkpoint/model.safetensors", address));
    assert.ok(Buffer.from(await checkpoint.arrayBuffer()).equals(readFileSync(at("whole/model.safetensors"))));
    for (const other of [
      "checkpoint/config.json",
      "checkpoint/..%2Fconfig.json",
      "..%2Fpackage.json",
      "%2e%2e/package.json",
      "x%00",
      "assets/",
      "checkpoint",
    ])
      assert.equal((await fetch(new URL(other, address))).status, 404, other);
    assert.equal(await raw(address, "GET /../package.json HTTP/1.1"), 404);
    assert.equal(await raw(address, "GET //etc/passwd HTTP/1.1"), 404);
    for (const method of ["POST", "PUT", "DELETE", "OPTIONS"]) assert.equal((await fetch(address, { method })).status, 405, method);
    assert.equal(await raw(address, "GET / HTTP/1.1", "attacker.example"), 421);
    for (const { headers } of [page, checkpoint]) {
      assert.match(headers.get("content-security-policy")!, /^default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; .*frame-ancestors 'none'$/);
      assert.doesNotMatch(headers.get("content-security-policy")!, /unsafe-inline|'unsafe-eval'/);
      assert.equal(headers.get("x-content-type-options"), "nosniff");
    }
  } finally {
    child.kill();
  }
  await fails(/Expected a checkpoint at .*none but found no such file or folder/, 1, "playground", "--checkpoint", at("none"));
});

test("convert halves a checkpoint, which still draws", async () => {
  await succeeds("convert", "--checkpoint", at("whole"), "--dtype", "F16", "--out", at("half.safetensors"));
  const [whole, half] = [readFileSync(at("whole/model.safetensors")), readFileSync(at("half.safetensors"))];
  assert.ok(half.length < 0.6 * whole.length, `${half.length} against ${whole.length} bytes`);
  const [a, b] = [decode(whole), decode(half)].map(({ tensors }) => tensors.get("init_conv.weight")!.data) as [Float32Array, Float32Array];
  for (const [i, x] of a.entries()) assert.ok(Math.abs(x - b[i]!) <= 2 ** -11 * Math.abs(x) + 2 ** -25);
  await succeeds("sample", "--checkpoint", at("half.safetensors"), "--sampler", "ddim", "--steps", "2", "--count", "1", "--out", at("half.png"));
  await fails(
    /Expected a checkpoint at .*no-such.safetensors but found no such file or folder/,
    1,
    "convert",
    "--checkpoint",
    at("no-such.safetensors"),
    "--out",
    at("x.safetensors"),
  );
});

test("schedule writes the eight arrays", async () => {
  const short = await ddpm("schedule", "--timesteps", "20", "--out", at("linear.json"));
  assert.match(short.stderr, /Schedule linear with 20 timesteps leaves 90\.\d % of the image at T/);
  await succeeds("schedule", "--schedule", "cosine", "--timesteps", "20", "--out", at("schedule.json"));
  const written = JSON.parse(readFileSync(at("schedule.json"), "utf8")) as Record<string, number[]>;
  assert.equal(Object.keys(written).length, 8);
  assert.equal(written["alphasCumprod"]!.length, 20);
});

test("a run keeps the whole path of its data", async () => {
  const idx = new Uint8Array(16 + 5 * 64);
  new DataView(idx.buffer).setUint32(0, 0x803);
  for (const [i, n] of [5, 8, 8].entries()) new DataView(idx.buffer).setUint32(4 + 4 * i, n);
  mkdirSync(at("pictures"));
  writeFileSync(at("pictures/train-images-idx3-ubyte"), idx);
  const data = relative(process.cwd(), at("pictures"));
  await succeeds("train", "--data", data, "--preset", "tiny", "--train.batch", "4", "--steps", "1", "--out", at("own"));
  assert.equal(JSON.parse(readFileSync(at("own/config.json"), "utf8"))["data.name"], at("pictures"));
});

test("inspect shows parameters and configuration", async () => {
  assert.match(await succeeds("inspect", at("whole")), /parameters in \d+ tensors[\s\S]*"model.dim": 8/);
});

test("setup --dry-run lists files, versions and checksums", async () => {
  assert.match(await succeeds("setup", "--cuda", "--dry-run"), /nvidia_cudnn_cu12-\S+\.whl {2}\S+ {2}sha256:[0-9a-f]{64}/);
});

test("bad input gives one line and exit code 1", async () => {
  await fails(/^ddpm: Expected a new folder .* --resume/, 1, "train", ...small, "--out", at("whole"));
  await fails(/Expected train.lr 0.002 as in the run but found 0.5/, 1, "train", "--resume", "--train.lr", "0.5", "--out", at("whole"));
  await fails(/wasm, which lacks the gradients/, 1, "train", ...small, "--device", "wasm", "--out", at("wasm"));
  await fails(/Expected to|Expected a folder/, 1, "train", ...small, "--steps", "1", "--out", join(bin, "below-a-file"));
  await fails(
    /Expected a path that can be written for --out but found .*; choose another/,
    1,
    "sample",
    "--checkpoint",
    at("whole"),
    "--out",
    join(bin, "x.png"),
  );
  await fails(/Expected model.dim 8 as in the run but found 16/, 1, "train", "--resume", "--preset", "demo", "--out", at("whole"));
  writeFileSync(at("short.safetensors"), readFileSync(at("whole/model.safetensors")));
  truncateSync(at("short.safetensors"), 5000);
  await fails(/^ddpm: .*short.safetensors: Expected/, 1, "sample", "--checkpoint", at("short.safetensors"), "--out", at("x.png"));
});

const misuses: readonly [RegExp, ...string[]][] = [
  [/unknown option/, "inspect", "x", "--no-such-flag"],
  [/Expected a positive whole number/, "train", "--steps", "x"],
  [/Expected train.lr to be a number above 0 but found "x"/, "train", "--train.lr", "x"],
  [/Expected model.dim to be an even integer/, "train", "--model.dim", "27"],
  [/Expected diffusion.schedule to be one of linear, .* but found "foo"/, "train", "--diffusion.schedule", "foo"],
  [/^ddpm: Expected model.groups to be a divisor of 8/, "train", ...small, "--model.groups", "3", "--out", at("never")],
  [/^ddpm: Expected --data with/, "train", "--out", at("never")],
  [/Expected seed to be/, "sample", "--seed", "-1"],
  [/Expected a number from 0 to 1/, "sample", "--eta", "5"],
  [/^ddpm: Expected --out to end in .png or .safetensors/, "sample", "--checkpoint", "none", "--out", at("x.jpg")],
];

test("wrong usage gives exit code 2", async () => {
  for (const [message, ...args] of misuses) await fails(message, 2, ...args);
});

test("a loss that is not finite stops training and leaves the last checkpoint", async () => {
  const [whole, hot] = [new RunFolder(at("whole")), new RunFolder(at("hot"))];
  const config = await whole.config();
  const training = trainingStep(config);
  const saved = (await whole.load(config, training))!;
  const fast = configure(config, { "train.lr": 1e30 });
  await hot.prepare();
  await hot.create(fast);
  await hot.save(fast, training, saved);
  const before = stateOf(hot.path);
  await fails(
    /Skipped a step, which changes nothing, for its loss .* at step \d+; training ends after 10 in a row\n(.*\n)*ddpm: Expected a finite loss and gradient but found .* the last of 11 such steps in a row; a lower train.lr.*; the checkpoint of step 8 stays as it was/,
    1,
    "train",
    "--resume",
    "--steps",
    "40",
    "--out",
    hot.path,
  );
  assert.ok(before.equals(stateOf(hot.path)));
});
