/** What people are told of each mistake that they can make on the command line: what was expected, what was found, what to do. */
import assert from "node:assert/strict";
import { chmodSync, copyFileSync, cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { encode } from "@ddpm/core/safetensors";
import { main } from "./main.ts";
import { encodePng } from "./picture.ts";

const folder = mkdtempSync(join(tmpdir(), "ddpm-"));
const home = process.cwd();
after(() => {
  process.chdir(home);
  rmSync(folder, { recursive: true, force: true });
});

/** Runs a command line, whose parts are parted by spaces, in this process. */
async function run(line: string): Promise<{ code: number; stderr: string }> {
  const { write: out } = process.stdout;
  const { write: err } = process.stderr;
  let stderr = "";
  process.stdout.write = ((...said: Parameters<typeof out>) => (typeof said[0] === "string" ? true : out.apply(process.stdout, said))) as typeof out; // bytes are the test's own report
  process.stderr.write = (text) => {
    stderr += text;
    return true;
  };
  try {
    return { code: await main(line.split(" ").filter((part) => part !== "")), stderr };
  } finally {
    process.stdout.write = out;
    process.stderr.write = err;
  }
}

type Mistake = readonly [line: string, code: number, text: RegExp];

/** Expects each line to end with its code and text: one complaint that says what to do, without a stack. */
async function tells(mistakes: readonly Mistake[]): Promise<void> {
  for (const [line, code, text] of mistakes) {
    const found = await run(line);
    assert.equal(found.code, code, `${line}: ${found.stderr}`);
    assert.match(found.stderr, text, line);
    assert.doesNotMatch(found.stderr, /^ {4}at |Internal error/m, line);
    const own = found.stderr.split("\n").filter((part) => part.startsWith("ddpm: "));
    if (found.stderr.startsWith("error: ")) assert.match(found.stderr, /\(add --help for the options\)/, line);
    else {
      assert.equal(own.length, 1, `${line}: ${found.stderr}`);
      assert.match(own[0]!, /Expected .+ to be .+ but found .+|Expected .+ but found .+; .+/, line);
    }
  }
}

const small = "--preset tiny --data.height 8 --data.width 8 --train.batch 2 --train.sampleEvery 1000 --diffusion.timesteps 10 --device reference";

before(async () => {
  process.chdir(folder);
  for (const [line, out] of [
    ["", "run"],
    ["--conditional", "classes"],
  ]) {
    const { code, stderr } = await run(`train --data shapes ${small} --device tensorflow:cpu ${line} --steps 1 --out ${out}`);
    assert.equal(code, 0, stderr);
  }
  assert.equal((await run("schedule --out picture.png")).code, 0);
  for (const name of ["empty", "folder.png", "pictures", "unreadable"]) mkdirSync(name);
  copyFileSync("picture.png", "pictures/a.png");
  copyFileSync("run/model.safetensors", "model.safetensors");
  copyFileSync("run/model.safetensors", "cut.safetensors");
  truncateSync("cut.safetensors", 100);
  writeFileSync("text.png", "not an image");
  writeFileSync("text.txt", "not an image");
  for (const [name, level] of [
    ["black.png", 0],
    ["white.png", 255],
  ] as const)
    writeFileSync(name, encodePng({ width: 8, height: 8, channels: 1, data: new Uint8Array(64).fill(level) }));
  for (const name of ["broken", "unsaved"]) cpSync("run", name, { recursive: true });
  writeFileSync("broken/config.json", '{"model.dim":');
  writeFileSync("broken/log.jsonl", "no log\nno log\n");
  rmSync("unsaved/model.safetensors");
  for (const name of ["edited", "older"]) cpSync("run", name, { recursive: true });
  writeFileSync("edited/config.json", readFileSync("run/config.json", "utf8").replace('"model.dim": 8', '"model.dim": 16'));
  writeFileSync("older/state.safetensors", "");
  for (const name of ["a.png", "b.png"]) copyFileSync("text.png", `unreadable/${name}`);
  const [state] = readdirSync("run/states", { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".safetensors"));
  copyFileSync(join("run/states", state!), "state.safetensors");
  writeFileSync("no-steps.jsonl", "");
  const noise = { shape: [1, 3, 8, 8], data: new Float32Array(192) };
  writeFileSync(
    "colour.safetensors",
    encode(
      new Map<string, { shape: number[]; data: Float32Array | Int32Array }>([
        ["xT", noise],
        ["x", noise],
        ["t", { shape: [2], data: Int32Array.of(1, 2) }],
      ]),
    ),
  );
});

test("commands and options that are none are told, with what may have been meant", () =>
  tells([
    ["trian", 2, /unknown command 'trian'\n\(Did you mean train\?\)/],
    ["data inspct pictures", 2, /unknown command 'inspct'\n\(Did you mean inspect\?\)/],
    ["train --resum --out x", 2, /unknown option '--resum'\n\(Did you mean --resume\?\)/],
    ["train --model.dimm 3 --out x", 2, /unknown option '--model\.dimm'\n\(Did you mean --model\.dim\?\)/],
    ["train run extra --out x", 2, /too many arguments for 'train'/],
    ["train --data shapes", 2, /required option '--out <dir>' not specified/],
    ["sample --checkpoint run", 2, /required option '--out <path>' not specified/],
    ["train --data shapes --steps 3 --epochs 2 --out x", 2, /'--steps <n>' cannot be used with option '--epochs <n>'/],
    ["sample --checkpoint run --init x --count 3 --out a.png", 2, /cannot be used with option '--init <file>'/],
  ]));

test("numbers that are none, not finite, negative or too large are told with what a flag takes", () =>
  tells([
    ...["0", "-1", "1.5", "x", "NaN", "1e999", ""].map(
      (value): Mistake => [
        `train --data shapes --steps=${value} --out x`,
        2,
        /'--steps <n>' argument '.*' is invalid\. Expected a positive whole number/,
      ],
    ),
    ...["0", "-1", "x", "NaN", "Infinity"].map(
      (value): Mistake => [`train --train.lr ${value} --out x`, 2, /Expected train\.lr to be a number above 0 but found ".*"/],
    ),
    ["train --train.batch 1e20 --out x", 2, /Expected train\.batch to be an integer of at least 1 and of at most 1000000 but found "1e20"/],
    ["train --model.dim 27 --out x", 2, /Expected model\.dim to be an even integer .* but found "27"/],
    ["train --model.dimMults 1,x --out x", 2, /Expected model\.dimMults to be a list of .* such as 1,2,4 but found "1,x"/],
    ["schedule --timesteps 99999999999999 --out a.json", 2, /Expected diffusion\.timesteps to be an integer .* but found "99999999999999"/],
    ["sample --seed -1", 2, /Expected seed to be an integer of at least 0 and below 4294967296 but found "-1"/],
    ["sample --guidance x", 2, /Expected a number\n/],
    ["sample --eta 2", 2, /Expected a number from 0 to 1/],
    ["sample --strength 0", 2, /Expected a number above 0 and of at most 1/],
    ["playground --port 99999", 2, /argument '99999' is invalid\. Expected a port in \[0, 65535\]/],
    ["forward --t 5,x", 2, /Expected up to 50 timesteps from 0 such as 0,100,200/],
    ["evaluate --sweep ddim:0", 2, /Expected a positive whole number/],
    ["evaluate --samples 5", 2, /Expected at least 32, so that what is found has an error/],
  ]));

test("names that a flag does not know are told with those that it does", () =>
  tells([
    ["train --preset foo", 2, /argument 'foo' is invalid\. Allowed choices are notebook, convnext, ddpm-cifar10, annotated, tiny, demo/],
    ["train --device foo", 2, /argument 'foo' is invalid\. Allowed choices are tensorflow, /],
    ["sample --sampler foo", 2, /Allowed choices are ddpm, ddim, dpm\+\+, euler, heun/],
    ["invert --spacing karras", 2, /Allowed choices are leading, trailing, linspace/],
    ["convert --dtype I8", 2, /Allowed choices are F32, F16, BF16/],
    ["schedule --schedule foo", 2, /Expected all or schedules among linear, .* but found foo/],
    ["evaluate --sweep foo:3", 2, /Expected a sampler among ddpm, .* and its model calls, as ddim:10,20/],
    ["evaluate --pixel-scale foo", 2, /Allowed choices are bytes, unit, signed, imagenet/],
    ["train --diffusion.schedule foo", 2, /Expected diffusion\.schedule to be one of linear, .* but found "foo"/],
    [
      "sample --checkpoint classes --class dics --out a.png",
      1,
      /Expected --class to be all, or among disc, .* or 0 to 4, but found dics; choose among them/,
    ],
    ["sample --checkpoint classes --class 99 --out a.png", 1, /but found 99; choose/],
    ["sample --checkpoint classes --class , --out a.png", 1, /but found nothing; choose/],
    [
      "sample --checkpoint run --class disc --out a.png",
      1,
      /Expected a model with classes for --class but found one without; train one with --conditional/,
    ],
    [
      "invert --checkpoint classes --images picture.png --class disc,ring --out a.safetensors",
      1,
      /Expected one class for --class but found disc,ring; run/,
    ],
  ]));

test("endings that cannot be written are told before any work", () =>
  tells([
    ["sample --checkpoint run --out a.jpg", 2, /Expected --out to end in \.png or \.safetensors, or to be a folder, but found a\.jpg; choose/],
    ["sample --checkpoint run --out a.png --trajectory b.jpg", 2, /Expected --trajectory to end in \.png or \.svg or \.gif but found b\.jpg; choose/],
    [
      "sample --checkpoint run --out a.png --trajectory a.png",
      2,
      /Expected --trajectory to be another file than --out but found a\.png for both; choose/,
    ],
    ["invert --checkpoint run --images picture.png --out a.png", 2, /Expected --out to end in \.safetensors but found a\.png; choose/],
    ["denoise --checkpoint run --input colour.safetensors --out a.png", 2, /Expected --out to end in \.safetensors but found a\.png; choose/],
    ["convert --checkpoint run --out a.png", 2, /Expected --out to end in \.safetensors but found a\.png; choose/],
    ["schedule --out a.gif", 2, /Expected --out to end in \.json or \.png or \.svg but found a\.gif; choose such an ending/],
    ["forward --image picture.png --out a.jpg", 2, /Expected --out to end in \.png or \.svg but found a\.jpg; choose/],
    ["plot run --out a.gif", 2, /Expected --out to end in \.png or \.svg but found a\.gif; choose such an ending/],
    ["plot run run", 2, /Expected --out with a figure\.svg or \.png but found none; add it/],
    ["data inspect pictures --out a.gif", 2, /Expected --out to end in \.png but found a\.gif; choose such an ending/],
  ]));

test("places that cannot be written are told before any work", () =>
  tells([
    [
      "sample --checkpoint run --out folder.png",
      1,
      /Expected a path that can be written for --out but found a folder of that name at folder\.png; choose another/,
    ],
    [
      "sample --checkpoint run --out model.safetensors/a.png",
      1,
      /Expected a path that can be written for --out but found EEXIST.* at model\.safetensors\/a\.png; choose another/,
    ],
    [
      "sample --checkpoint run --out text.txt/a",
      1,
      /Expected a path that can be written for --out but found ENOTDIR.* at text\.txt\/a\/0000\.png; choose another/,
    ],
    ["schedule --out folder.png", 1, /for --out but found a folder of that name at folder\.png; choose/],
    [`train --data shapes ${small} --out text.txt`, 1, /Expected a folder to write to at .*text\.txt but found .*; choose another --out/],
    [
      `train --data shapes ${small} --out run`,
      1,
      /Expected a new folder but found a run in run; add --resume to go on with it or choose another --out/,
    ],
  ]));

test("flags that need or exclude another are told", () =>
  tells([
    ["train --out x", 2, /Expected --data with fashion-mnist, shapes, .* but found none; add/],
    ["sample --checkpoint run --strength 0.5 --out a.png", 2, /Expected --image with --strength but found --strength alone; add --image/],
    ["sample --checkpoint run --mask a.png --out a.png", 2, /Expected --image with --mask but found --mask alone; add --image/],
    ["sample --checkpoint run --repaint 3 --out a.png", 2, /Expected --mask with --repaint but found --repaint alone; add --mask/],
    [
      "sample --checkpoint run --image a.png --mask a.png --sampler heun --out a.png",
      2,
      /a --sampler for --mask that corrects no step but found heun; choose/,
    ],
    [
      "sample --checkpoint run --image a.png --mask a.png --sampler dpm++ --repaint 3 --out a.png",
      2,
      /Expected a --sampler for --repaint whose steps do not build on each other but found dpm\+\+; choose ddpm, ddim or euler/,
    ],
    ["sample --checkpoint run --guidance 2 --out a.png", 2, /Expected --class with --guidance but found none; add --class/],
    [
      "sample --checkpoint run --eta 0.5 --device reference --out a.png",
      1,
      /Expected no eta for sampler ddpm but found 0\.5; leave it out or choose ddim/,
    ],
    ["interpolate --checkpoint run --from 1 --to 2 --count 1 --out a.png", 2, /Expected --count of at least 2, the ends, but found 1; choose more/],
    [
      "interpolate --checkpoint run --from 1 --to picture.png --sampler heun --device reference --out a.png",
      2,
      /Expected --sampler ddim .*; leave them out/,
    ],
    [`train --data shapes ${small} --device wasm --out x`, 1, /Expected a device that trains but found wasm, which lacks .*; use --device cpu/],
    [
      `train --data shapes ${small} --dtype bf16 --out x`,
      1,
      /Expected --device tensorflow for bf16 but found reference; choose it, or leave --dtype out/,
    ],
    [
      `train --data pictures --conditional ${small} --out x`,
      1,
      /Expected classes in .*pictures for --conditional but found none; sub-folders of images are classes/,
    ],
    ["forward --image picture.png --t 5,700 --out a.png", 2, /Expected --t below 600 but found 700; choose smaller ones/],
  ]));

test("a configuration that contradicts itself, the run or the checkpoint is told by its keys", () =>
  tells([
    [`train --data shapes ${small} --data.height 9 --out x`, 2, /Expected data\.height to be divisible by 2, .* such as 8 or 10, but found 9/],
    [
      `train --data shapes ${small} --train.accumulate 3 --out x`,
      2,
      /Expected train\.accumulate to be a divisor of 2, the images of a step, but found 3/,
    ],
    [
      `train --data shapes ${small} --diffusion.zeroTerminalSnr --out x`,
      2,
      /Expected diffusion\.objective to be v or x0 with diffusion\.zeroTerminalSnr/,
    ],
    [
      `train --data shapes ${small} --train.lrDecay cosine --train.warmup 10 --steps 5 --out x`,
      2,
      /Expected more than 10 steps, .* but found 5; choose more --steps/,
    ],
    [
      `train --data shapes ${small} --train.lrDecay cosine --train.decaySteps 5 --steps 9 --out x`,
      2,
      /Expected --train\.decaySteps of at least 9, .* but found 5: .*; leave it out/,
    ],
    [
      "schedule --schedule all --timesteps 5 --out a.json",
      2,
      /ddpm: diffusion\.timesteps: Expected betas below 1 but found .*; choose more timesteps or another schedule/,
    ],
    [
      "train --resume --train.lr 0.5 --out run",
      1,
      /Expected train\.lr 0\.002 as in the run but found 0\.5; leave it out, or start a new run in another --out/,
    ],
    [
      "train --resume --conditional --out run",
      1,
      /Expected --conditional for a run that began with it but found one that began without; leave it out/,
    ],
    [
      "sample --checkpoint run --model.dim 64 --out a.png",
      1,
      /run\/model\.safetensors: Expected model\.dim 8 as in the checkpoint but found 64; leave it out/,
    ],
    [
      "sample --checkpoint run --sampler ddim --steps 9999 --device reference --out a.png",
      1,
      /Expected steps to be an integer in \[1, 10\] .* but found 9999; choose/,
    ],
    [
      "sample --checkpoint run --sampler ddim --sigma-max 1e-6 --device reference --out a.png",
      1,
      /Expected sigmaMax of at least .* but found 0\.000001; choose a larger one/,
    ],
    ["evaluate --checkpoint run --sweep ddim:9999 --out a", 1, /--sweep ddim:9999 .*: Expected steps to be .* but found 9999; choose/],
    [
      "evaluate --checkpoint run --data pictures --out a",
      1,
      /Expected at least 32 images in pictures and as many others .* but found 1 and 0; choose other/,
    ],
    ["classifier --data pictures --out a.safetensors", 1, /Expected classes in .*pictures .* but found none; /],
    [`train --data shapes ${small} --model.channels 2 --out x`, 1, /Expected channels of shapes to be 1 or 3 but found 2/],
    [
      `train --data shapes ${small} --device tensorflow:cpu --train.lr 1e38 --steps 5 --out fast`,
      1,
      /Expected \S+ after step 5 to be finite but found NaN; nothing was saved yet; start again in a new --out with a lower --train\.lr/,
    ],
    [
      "sample --checkpoint run --image picture.png --mask white.png --repaint 1001 --sampler ddim --device reference --out a.png",
      1,
      /Expected times to be a whole number from 1 to 1000 but found 1001/,
    ],
    [
      "sample --checkpoint run --image picture.png --mask white.png --repaint 2 --sampler ddim --steps 1 --device reference --out a.png",
      1,
      /Expected more than 1 steps to repaint stretches of 1 but found 1; take more steps/,
    ],
    ["data inspect pictures --model.channels 2", 1, /Expected 1 or 3 channels of images but found 2; choose 1 for grey or 3 for colour/],
  ]));

test("checkpoints that are not there, of another kind or broken are told", () =>
  tells([
    ["sample --checkpoint rum --out a.png", 1, /Expected a checkpoint at rum but found no such file or folder; did you mean run\?/],
    ["sample --checkpoint model.safetensor --out a.png", 1, /found no such file or folder; did you mean model\.safetensors\?/],
    [
      "sample --checkpoint no-such-place --out a.png",
      1,
      /found no such file or folder; give a \.safetensors file, a run folder or a folder that diffusers saved/,
    ],
    [
      "sample --checkpoint text.txt/run --out a.png",
      1,
      /found no such file or folder; give a \.safetensors file, a run folder or a folder that diffusers saved/,
    ],
    ["playground --no-open --checkpoint rum", 1, /found no such file or folder; did you mean run\?/],
    ["inspect rum", 1, /Expected a checkpoint at rum but found no such file or folder; did you mean run\?/],
    ["convert --checkpoint rum --out a.safetensors", 1, /Expected a checkpoint at rum but found no such file or folder; did you mean run\?/],
    [
      "sample --checkpoint empty --out a.png",
      1,
      /Expected a checkpoint at empty but found a folder without model\.safetensors; give the --out of a training/,
    ],
    ["sample --checkpoint unsaved --out a.png", 1, /Expected a checkpoint at unsaved but found a folder without model\.safetensors/],
    [
      "sample --checkpoint cut.safetensors --out a.png",
      1,
      /cut\.safetensors: Expected a safetensors header of at most 92 bytes but found .*: the file is cut short or of another format; fetch or save it again/,
    ],
    ["inspect text.png", 1, /text\.png: Expected a safetensors header .* but found .*: the file is cut short or of another format/],
    ["convert --checkpoint text.txt --out a.safetensors", 1, /text\.txt: Expected a safetensors header .* but found/],
    [
      "sample --checkpoint state.safetensors --out a.png",
      1,
      /state\.safetensors: Expected a DDPM U-Net without .* but found it; check that the file holds this model/,
    ],
    ["train --resume --out nope", 1, /Expected a run to resume in nope but found no config\.json; leave --resume out/],
    [
      "train --resume --device reference --out edited",
      1,
      /Expected model\.dim 8 as when it was saved but found 16 in config\.json; put it back, or start a new run in another --out/,
    ],
    [
      "train --resume --device reference --out older",
      1,
      /Expected the run's states in .*older\/states but found .*state\.safetensors, of an older version; start a new run in another --out/,
    ],
    ["train --resume --out broken", 1, /broken\/config\.json: Expected a configuration to be JSON but found .*; put back what was there/],
  ]));

test("tensors that are not there or of another shape are told", () =>
  tells([
    [
      "sample --checkpoint run --init noise.safetensors --out a.png",
      1,
      /Expected a safetensors file at noise\.safetensors but found no such file or folder; check the path/,
    ],
    ["sample --checkpoint run --init colours.safetensors --out a.png", 1, /no such file or folder; did you mean colour\.safetensors\?/],
    ["sample --checkpoint run --init run --out a.png", 1, /Expected a safetensors file at run but found a folder; check the path/],
    ["sample --checkpoint run --init model.safetensors --out a.png", 1, /Expected a tensor xT but found \S+, \S+, \S+, …; save it under that name/],
    [
      "sample --checkpoint run --init colour.safetensors --out a.png",
      1,
      /Expected xT of \[n, 1, 8, 8\] but found \[1, 3, 8, 8\]; save it in that shape/,
    ],
    [
      "denoise --checkpoint run --input colour.safetensors --out a.safetensors",
      1,
      /Expected t of \[1\], int32 or int64, but found I32 of \[2\]; save one t an image/,
    ],
  ]));

test("data and images that are not there or are none are told", () =>
  tells([
    [
      `train --data pictues ${small} --out x`,
      1,
      /Expected fashion-mnist, shapes, or a path: .*, but found no such file or folder; did you mean .*pictures\?/,
    ],
    ["data inspect fashion-minst", 1, /but found fashion-minst; did you mean fashion-mnist\?/],
    ["data inspect no-such-data", 1, /but found no such file or folder; check the path/],
    [
      "data inspect unreadable",
      1,
      /Expected images in unreadable but found broken ones alone: unreadable\/[ab]\.png \(.*; mend them, or choose other data/,
    ],
    [
      `train --data unreadable ${small} --out x`,
      1,
      /Expected images in .*unreadable but found none that can be read; look at them with ddpm data inspect/,
    ],
    [
      `train --data run ${small} --out x`,
      1,
      /Expected images to train on in .*run but found a run of ddpm train; give the data it was trained on, or/,
    ],
    [`train --data empty ${small} --out x`, 1, /Expected images, parquet files, .* in .*empty but found none; choose a folder with some/],
    [`train --data text.txt ${small} --out x`, 1, /Expected a zip archive, .* but found "not " at the beginning of .*text\.txt; give such a file/],
    [
      "sample --checkpoint run --image nope.png --out a.png",
      1,
      /Expected an image file at nope\.png but found no such file or folder; check the path/,
    ],
    ["sample --checkpoint run --image pictur.png --out a.png", 1, /no such file or folder; did you mean picture\.png\?/],
    [
      "sample --checkpoint run --image picture.png --mask black.png --device reference --out a.png",
      1,
      /black\.png: Expected white where --image is to be drawn anew but found none; paint some/,
    ],
    ["sample --checkpoint run --image text.png --out a.png", 1, /Expected an image at text\.png but found .*; choose a PNG, JPEG or WebP file/],
    ["forward --image nope.png --out a.png", 1, /Expected an image to noise at nope\.png but found no such file or folder; choose a PNG/],
    ["forward --image empty --out a.png", 1, /Expected an image to noise at empty but found a folder; choose a PNG/],
    ["forward --image text.png --out a.png", 1, /text\.png: Expected an image to noise but found .*; choose a PNG, JPEG or WebP file/],
    ["invert --checkpoint run --images nope.png --out a.safetensors", 1, /Expected an image file at nope\.png but found no such file/],
    [
      "interpolate --checkpoint run --from 1 --to 99999999999999 --device reference --out a.png",
      2,
      /Expected seed to be .* but found "99999999999999"/,
    ],
    ["plot nope", 1, /Expected a run folder with a log\.jsonl at nope but found none; choose/],
    ["plot empty", 1, /Expected a run folder with a log\.jsonl at empty but found none; choose/],
    ["plot broken --out a.svg", 1, /log\.jsonl: Expected line 1 to be JSON with numbers "step" and "loss" but found no log; choose/],
    ["plot no-steps.jsonl --out a.svg", 1, /no-steps\.jsonl: Expected steps with their losses but found none; choose/],
  ]));

test("what may not be read or written is told", async () => {
  copyFileSync("model.safetensors", "secret.safetensors");
  chmodSync("secret.safetensors", 0);
  mkdirSync("locked");
  chmodSync("locked", 0o555);
  for (const [path, mode] of [
    [folder, 0o755],
    ["run", 0o755],
  ] as const)
    chmodSync(path, mode);
  const isRoot = process.geteuid!() === 0;
  if (isRoot) process.seteuid!(65534); // root may do anything
  try {
    await tells([
      ["inspect secret.safetensors", 1, /Expected a checkpoint at secret\.safetensors but found no permission to read it; ask its owner, or give/],
      [
        "convert --checkpoint run --out locked/a.safetensors",
        1,
        /Expected to write all of locked\/a\.safetensors but found EACCES: permission denied; choose /,
      ],
      [
        `train --data shapes ${small} --steps 1 --out locked/run`,
        1,
        /Expected a folder to write to at .*locked\/run but found EACCES.*; choose another --out/,
      ],
    ]);
  } finally {
    if (isRoot) process.seteuid!(0);
  }
});

test("a port that another program has is told", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  try {
    const { port } = server.address() as AddressInfo;
    await tells([
      [`playground --no-open --port ${port}`, 1, new RegExp(`Expected to serve on port ${port} but found .*EADDRINUSE.*; choose another --port`)],
    ]);
  } finally {
    server.close();
  }
});
