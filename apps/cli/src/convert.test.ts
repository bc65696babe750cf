import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { decodeModel } from "@ddpm/core";
import { decode, encode, type StoredTensor } from "@ddpm/core/safetensors";
import { readCheckpoint } from "./checkpoint-file.ts";
import { ddpm, fails, succeeds } from "./cli-process.ts";

const folder = mkdtempSync(join(tmpdir(), "ddpm-"));
const at = (name: string): string => join(folder, name);
after(() => rmSync(folder, { recursive: true, force: true }));

const recording = (name: string) => decode(readFileSync(new URL(`../../../packages/core/fixtures/${name}.safetensors`, import.meta.url))).tensors;
const stateDict = (tensors: ReadonlyMap<string, StoredTensor>) =>
  new Map([...tensors].filter(([name]) => name.startsWith("param.")).map(([name, tensor]) => [name.slice("param.".length), tensor]));

/** What diffusers writes of the recorded model. */
const unet = {
  _class_name: "UNet2DModel",
  attention_head_dim: null,
  block_out_channels: [4, 8],
  down_block_types: ["DownBlock2D", "AttnDownBlock2D"],
  downsample_padding: 0,
  flip_sin_to_cos: false,
  freq_shift: 1,
  layers_per_block: 1,
  norm_eps: 1e-6,
  norm_num_groups: 2,
  sample_size: 8,
  up_block_types: ["AttnUpBlock2D", "UpBlock2D"],
};
const scheduler = {
  _class_name: "DDPMScheduler",
  beta_schedule: "linear",
  num_train_timesteps: 50,
  variance_type: "fixed_large",
  timestep_spacing: "leading",
};

/** Writes files by their paths in a new folder of `at`. */
function write(place: string, files: Readonly<Record<string, object | string | Uint8Array>>): void {
  for (const [name, content] of Object.entries(files)) {
    const path = at(join(place, name));
    mkdirSync(join(path, ".."), { recursive: true });
    writeFileSync(path, typeof content === "string" || content instanceof Uint8Array ? content : JSON.stringify(content));
  }
}

const tensors = recording("ddpm-unet");
const weights = encode(stateDict(tensors), { format: "pt" });
const weightsName = "diffusion_pytorch_model.safetensors";
const pipeline = {
  "model_index.json": { _class_name: "DDPMPipeline" },
  "unet/config.json": unet,
  [`unet/${weightsName}`]: weights,
  "scheduler/scheduler_config.json": scheduler,
};

before(() => {
  write("pipeline", pipeline);
  write("flat", { "model_index.json": {}, "config.json": unet, [weightsName]: weights, "scheduler_config.json": scheduler });
  write("alone", { "config.json": unet, [weightsName]: weights });
  write(".", {
    "x.safetensors": encode(
      new Map([
        ["x", tensors.get("xt")!],
        ["t", tensors.get("t")!],
      ]),
      {},
    ),
  });
});

/** What `denoise` predicts, and what was recorded. */
async function agrees(checkpoint: string, recorded: ReadonlyMap<string, StoredTensor>, ...flags: string[]): Promise<void> {
  writeFileSync(
    at("x.safetensors"),
    encode(
      new Map([
        ["x", recorded.get("xt")!],
        ["t", recorded.get("t")!],
      ]),
      {},
    ),
  );
  await succeeds("denoise", "--checkpoint", at(checkpoint), "--input", at("x.safetensors"), "--out", at("eps.safetensors"), ...flags);
  const found = decode(readFileSync(at("eps.safetensors"))).tensors.get("eps")!.data;
  const expected = recorded.get("eps")!.data;
  for (const [i, x] of expected.entries()) assert.ok(Math.abs(Number(x) - Number(found[i])) <= 1e-4, `${i}: ${found[i]} for ${x}`);
}

test("a pipeline of diffusers predicts as there, given as a folder of either layout", async () => {
  await agrees("pipeline", tensors);
  await agrees("flat", tensors);
  write("variant", { "config.json": unet, "diffusion_pytorch_model.fp16.safetensors": weights });
  await agrees("variant", tensors);
});

test("a pipeline becomes a checkpoint, which draws, and comes back with the same weights", async () => {
  const { stderr, code } = await ddpm("convert", "--checkpoint", at("pipeline"), "--out", at("ours.safetensors"));
  assert.equal(code, 0, stderr);
  assert.match(stderr, /^Unless told it is drawn as by its DDPMScheduler: --sampler ddpm --spacing leading --clip\n$/);
  const { config } = decodeModel(readFileSync(at("ours.safetensors"))).metadata!;
  assert.deepEqual([config["model.architecture"], config["diffusion.timesteps"], config["diffusion.variance"]], ["ddpm", 50, "beta"]);
  await agrees("ours.safetensors", tensors);
  await succeeds("sample", "--checkpoint", at("ours.safetensors"), "--sampler", "ddim", "--steps", "2", "--count", "1", "--out", at("a.png"));

  await succeeds("convert", "--checkpoint", at("ours.safetensors"), "--out", at("back"));
  const back = JSON.parse(readFileSync(at("back/unet/config.json"), "utf8")) as Record<string, unknown>;
  for (const [key, value] of Object.entries(unet)) assert.deepEqual(back[key], value, key);
  const found = decode(readFileSync(at(`back/unet/${weightsName}`))).tensors;
  for (const [name, { data }] of stateDict(tensors)) assert.deepEqual(found.get(name)!.data, data, name);
  await agrees("back", tensors);
  await succeeds("convert", "--checkpoint", at("ours.safetensors"), "--out", at("model-0.1"));
  await agrees("model-0.1", tensors);
  await fails(
    /Expected a new folder for --out but found \S+ in .*back; choose another/,
    1,
    "convert",
    "--checkpoint",
    at("flat"),
    "--out",
    at("back"),
  );
});

/** What a file of weights alone does not tell of them. */
const untold = Object.entries({ groups: 2, headDim: 0, normEps: 1e-6, downsamplePadding: 0, freqShift: 1, flipSinToCos: false }).flatMap(
  ([key, value]) => [`--model.${key}`, `${value}`],
);

test("weights of diffusers alone have all of its classes, and may have names of old", async () => {
  const table: StoredTensor = { dtype: "F32", shape: [5, 16], data: Float32Array.from({ length: 80 }, (_, i) => Math.sin(i)) };
  const old = new Map(
    [...stateDict(tensors)].map(([name, tensor]) => [name.replace(".to_q.", ".query.").replace(".to_out.0.", ".proj_attn."), tensor]),
  );
  writeFileSync(at("old.safetensors"), encode(new Map([...old, ["class_embedding.weight", table]]), {}));
  await succeeds("convert", "--checkpoint", at("old.safetensors"), ...untold, "--out", at("new.safetensors"));
  const { metadata, parameters } = decodeModel(readFileSync(at("new.safetensors")));
  assert.deepEqual(metadata!.config["model.classes"], ["0", "1", "2", "3", "4"]);
  assert.deepEqual(parameters.get("class_embedding.weight")!.shape, [16, 6]);
  await succeeds("convert", "--checkpoint", at("new.safetensors"), "--out", at("classes"));
  await succeeds("convert", "--checkpoint", at("classes"), "--out", at("again.safetensors"));
  const again = decodeModel(readFileSync(at("again.safetensors")));
  assert.deepEqual(again.metadata!.config["model.classes"], metadata!.config["model.classes"]);
  assert.deepEqual(again.parameters, parameters);
  const noClass = /Expected --class for a model of diffusers, which knows images of a class alone, but found none; add it/;
  const small = ["--checkpoint", at("new.safetensors"), "--steps", "2", "--out", at("none")];
  await fails(noClass, 2, "sample", ...small);
  await fails(noClass, 2, "interpolate", "--from", "1", "--to", "2", ...small);
  await fails(/Expected a model trained without classes, too, to guide but found one/, 1, "sample", "--class", "all", "--guidance", "2", ...small);
  await succeeds("sample", "--class", "3", ...small);
  writeFileSync(at("old.safetensors"), encode(old, {}));
  await agrees("old.safetensors", tensors, ...untold);
});

/** The recorded weights in two files, as diffusers and transformers save large ones, and the index of them. */
const [first, second] = ["diffusion_pytorch_model-00001-of-00002.safetensors", "diffusion_pytorch_model-00002-of-00002.safetensors"] as const;
const halves = [...stateDict(tensors)].map(([name, tensor], i) => [i % 2 ? first : second, name, tensor] as const);
const shard = (file: string): Uint8Array =>
  encode(new Map(halves.filter(([own]) => own === file).map(([, name, tensor]) => [name, tensor])), { format: "pt" });
const weightMap = Object.fromEntries(halves.map(([file, name]) => [name, file]));
const sharded = {
  [first]: shard(first),
  [second]: shard(second),
  [`${weightsName}.index.json`]: { metadata: { total_size: 1 }, weight_map: weightMap },
};

test("weights in several files are read by their index, in a folder or alone", async () => {
  write("shards", { "config.json": unet, ...sharded });
  await agrees("shards", tensors);
  assert.match(await succeeds("inspect", at("shards")), /index\.json\n11,767 parameters/);
  const { [`${weightsName}.index.json`]: index, ...files } = sharded;
  write("as-transformers", { ...files, "model.safetensors.index.json": index! });
  await agrees("as-transformers/model.safetensors.index.json", tensors, ...untold);
  write("shards-fp16", { "config.json": unet, ...files, "diffusion_pytorch_model.safetensors.index.fp16.json": index! });
  await succeeds("convert", "--checkpoint", at("shards-fp16"), "--out", at("whole.safetensors"));
  const { parameters } = decodeModel(readFileSync(at("whole.safetensors")));
  assert.deepEqual(parameters, decodeModel(weights).parameters);
});

test("an index names files beside it alone, which hold what it says", async () => {
  const name = "conv_in.weight";
  const refused = (files: Parameters<typeof write>[1], message: RegExp): Promise<void> => {
    const place = mkdtempSync(at("shards-"));
    write(place.slice(folder.length + 1), { "config.json": unet, ...sharded, ...files });
    return assert.rejects(readCheckpoint(place), message);
  };
  const mapped = (part: object) => ({ [`${weightsName}.index.json`]: { weight_map: { ...weightMap, ...part } } });
  for (const path of ["../x.safetensors", "/etc/x.safetensors", "a\\\\x.safetensors", "sub/x.safetensors", "x.bin", "\0.safetensors", 5, null])
    await refused(mapped({ [name]: path }), /index\.json: Expected a \.safetensors file beside it for conv_in\.weight but found .*; fetch or save/);
  for (const index of [{}, { weight_map: [] }, { weight_map: {} }, { weight_map: "x" }])
    await refused({ [`${weightsName}.index.json`]: index }, /index\.json: Expected a weight_map with the file of each tensor but found none; fetch/);
  await refused({ [`${weightsName}.index.json`]: "{" }, /index\.json: Expected JSON but found .*; save the model again/);
  await refused(
    mapped({ [name]: "third.safetensors" }),
    /Expected \S+third\.safetensors, as diffusion_pytorch_model\.safetensors\.index\.json names it, but found no such file or folder; fetch or save/,
  );
  await refused(mapped({ other: first }), /00001-of-00002\.safetensors: Expected tensor other, as the index says, but found none; fetch or save/);
  const moved = weightMap[name] === first ? second : first;
  const elsewhere =
    /0000\d-of-00002\.safetensors: Expected no tensor conv_in\.weight, which the index does not give it, but found one; fetch or save/;
  await refused(mapped({ [name]: moved }), elsewhere);
  await refused(
    { [first]: shard(first).subarray(0, 900) },
    /index\.json: diffusion_pytorch_model-00001-of-00002\.safetensors: Expected a safetensors/,
  );
});

test("denoise asks for the class of a model of diffusers, and adds its embedding as there", async () => {
  const shift = Float32Array.from({ length: 16 }, (_, i) => Math.sin(i));
  const bias = stateDict(tensors).get("time_embedding.linear_2.bias")!;
  const less = { ...bias, data: Float32Array.from(bias.data, (x, i) => Number(x) - shift[i]!) };
  const table: StoredTensor = { dtype: "F32", shape: [3, 16], data: Float32Array.from([...shift.map((x) => 2 * x), ...shift, ...shift]) };
  const classed = encode(new Map([...stateDict(tensors), ["time_embedding.linear_2.bias", less], ["class_embedding.weight", table]]), {});
  write("classed", { "config.json": { ...unet, num_class_embeds: 3 }, [weightsName]: classed });
  await agrees("classed", tensors, "--class", "1");
  const count = tensors.get("t")!.shape[0]!;
  const denoise = ["denoise", "--checkpoint", at("classed"), "--input", at("x.safetensors"), "--out", at("eps.safetensors")];
  const each = Array.from({ length: count }, (_, i) => 1 + (i % 2)).join(",");
  await agrees("classed", tensors, "--class", each);
  await fails(/Expected --class for a model of diffusers, which knows images of a class alone, but found none; add it/, 2, ...denoise);
  const other = new RegExp(`Expected one class for --class, or ${count}, one for each image, but found ${count + 1}; name as many`);
  await fails(other, 1, ...denoise, "--class", `${each},0`);
});

test("all that draw take what is not asked from the scheduler of a folder and tell it, and what is taken where there is none", async () => {
  await succeeds("sample", "--checkpoint", at("pipeline"), "--count", "1", "--out", at("seen"));
  write("as-ddim", { ...pipeline, "scheduler/scheduler_config.json": { ...scheduler, _class_name: "DDIMScheduler" } });
  const few = ["--steps", "2", "--out", at("told.png")];
  const commands = [
    ["--sampler ddpm --spacing leading --clip", "--sampler ddim --spacing leading --clip --no-rederive", "sample", "--count", "1", ...few],
    ["", "--spacing leading --clip --no-rederive", "interpolate", "--from", "1", "--to", "2", "--count", "2", ...few],
    ["", "--spacing leading", "invert", "--images", at("seen"), "--steps", "2", "--out", at("xT.safetensors")],
  ];
  const nothing = "Nothing is taken from the model's DDPMScheduler, which draws with ddpm and not with ddim\n";
  for (const [ddpms, ddims, command, ...flags] of commands as [string, string, string, ...string[]][]) {
    const told = async (model: string): Promise<string> => {
      const { stderr, code } = await ddpm(command, "--checkpoint", at(model), ...flags);
      assert.equal(code, 0, stderr);
      return stderr;
    };
    assert.ok((await told("pipeline")).startsWith(ddpms ? `From the model's DDPMScheduler: ${ddpms}\n` : nothing), command);
    assert.ok((await told("as-ddim")).startsWith(`From the model's DDIMScheduler: ${ddims}\n`), command);
    assert.match(await told("alone"), /^The file does not say how the model was trained; taking --diffusion\.schedule linear/, command);
  }
  const evaluated = await ddpm("evaluate", "--checkpoint", at("pipeline"), "--data", at("nothing"));
  assert.match(evaluated.stderr, /^From the model's DDPMScheduler: --sampler ddpm --spacing leading --clip\n[\s\S]*Expected/);
  const swept = await ddpm("evaluate", "--checkpoint", at("pipeline"), "--sweep", "ddim:3", "--data", at("nothing"));
  assert.doesNotMatch(swept.stderr, /From the model/);
});

/** The numbers of two images that a command draws. */
async function drawn(command: "sample" | "interpolate", model: string, ...flags: string[]): Promise<unknown[]> {
  const what = command === "sample" ? [] : ["--from", "1", "--to", "2"];
  await succeeds(command, "--checkpoint", at(model), ...what, "--count", "2", ...flags, "--out", at("drawn.safetensors"));
  return [...[...decode(readFileSync(at("drawn.safetensors"))).tensors.values()][0]!.data];
}

test("what a scheduler says of drawing is how a model from there is drawn, until one asks for something else", async () => {
  const own = { _class_name: "DDIMScheduler", timestep_spacing: "linspace" };
  write("own", { ...pipeline, "scheduler/scheduler_config.json": { ...scheduler, ...own } });
  await succeeds("convert", "--checkpoint", at("own"), "--out", at("own.safetensors"));
  const same = ["--sampler", "ddim", "--spacing", "linspace", "--clip", "--no-rederive", "--steps", "5"];
  const expected = await drawn("sample", "pipeline", ...same);
  for (const model of ["own", "own.safetensors"]) {
    assert.deepEqual(await drawn("sample", model, "--steps", "5"), expected, model);
    for (const other of [["--sampler", "euler"], ["--spacing", "leading"], ["--no-clip"], ["--rederive"]])
      assert.notDeepEqual(await drawn("sample", model, "--steps", "5", ...other), expected, `${model} ${other.join(" ")}`);
  }
  assert.deepEqual(await drawn("interpolate", "own", "--steps", "5"), await drawn("interpolate", "pipeline", ...same));
  const euler = ["--sampler", "euler", "--steps", "5"];
  assert.deepEqual(await drawn("sample", "own", ...euler), await drawn("sample", "pipeline", ...euler), "another sampler is as usual");
  const { stderr } = await ddpm("sample", "--checkpoint", at("own"), ...same, "--count", "1", "--out", at("a.png"));
  assert.doesNotMatch(stderr, /From the model/);
});

test("an image comes back from the noise that it is inverted to, by the levels of the model's own DDIM", async () => {
  await succeeds("sample", "--checkpoint", at("as-ddim"), "--count", "1", "--out", at("come"));
  const noise = at("noise.safetensors");
  const found = await succeeds("invert", "--checkpoint", at("as-ddim"), "--images", at("come"), "--steps", "4", "--out", noise);
  assert.match(found, /Next: npx ddpm sample .* --sampler ddim --no-clip --steps 4 --spacing leading --sigma-max 20/);
});

test("a scheduler that is not known is told where no sampler is asked for", async () => {
  write("pndm", { ...pipeline, "scheduler/scheduler_config.json": { ...scheduler, _class_name: "PNDMScheduler" } });
  const few = ["sample", "--checkpoint", at("pndm"), "--steps", "2", "--count", "1", "--out", at("a.png")];
  const unasked = await ddpm(...few);
  assert.match(unasked.stderr, /^Of the model's PNDMScheduler: its noise is taken and its way of drawing is not, .*: choose a sampler\n/);
  assert.doesNotMatch((await ddpm(...few, "--sampler", "ddim")).stderr, /PNDM/);
});

test("how a scheduler draws is kept by a checkpoint of ours, taken there, and written back", async () => {
  const own = { _class_name: "DDIMScheduler", clip_sample: false, timestep_spacing: "trailing", set_alpha_to_one: false };
  write("ddim", { ...pipeline, "scheduler/scheduler_config.json": { ...scheduler, ...own } });
  await succeeds("convert", "--checkpoint", at("ddim"), "--out", at("ddim.safetensors"));
  const { stderr } = await ddpm("sample", "--checkpoint", at("ddim.safetensors"), "--steps", "2", "--count", "1", "--out", at("a.png"));
  const said =
    "From the model's DDIMScheduler: --sampler ddim --spacing trailing --no-clip --no-rederive\nOf the model's DDIMScheduler: its set_alpha_to_one";
  assert.ok(stderr.startsWith(said), stderr);
  await succeeds("convert", "--checkpoint", at("ddim.safetensors"), "--dtype", "F16", "--out", at("half.safetensors"));
  await succeeds("convert", "--checkpoint", at("half.safetensors"), "--out", at("ddim-again"));
  const written = (path: string) => JSON.parse(readFileSync(at(`ddim-again/${path}`), "utf8")) as Record<string, unknown>;
  for (const [key, value] of Object.entries(own)) assert.equal(written("scheduler/scheduler_config.json")[key], value, key);
  const { _class_name: name, scheduler: part } = written("model_index.json");
  assert.deepEqual([name, part], ["DDIMPipeline", ["diffusers", "DDIMScheduler"]]);
});

test("DDIM's eps follows from x0 as it is clipped, or with --no-rederive stays as in diffusers", async () => {
  const ddim = (...more: string[]) => drawn("sample", "pipeline", "--sampler", "ddim", "--steps", "5", ...more);
  assert.notDeepEqual(await ddim("--no-rederive"), await ddim());
  assert.deepEqual(await ddim("--rederive"), await ddim());
  assert.deepEqual(await ddim("--no-rederive", "--no-clip"), await ddim("--no-clip"));
  const asked = ["sample", "--checkpoint", at("pipeline"), "--out", at("a.png")];
  await fails(
    /Expected --no-rederive with --sampler ddim alone but found it with ddpm; choose ddim, or leave --no-rederive out/,
    2,
    ...asked,
    "--no-rederive",
  );
  await fails(
    /Expected --rederive with --sampler ddim alone but found it with ddpm; choose ddim, or leave --rederive out/,
    2,
    ...asked,
    "--rederive",
  );
});

test("inspect shows what diffusers' files say", async () => {
  assert.match(
    await succeeds("inspect", at("pipeline")),
    /11,767 parameters in \d+ tensors[\s\S]*"model\.architecture": "ddpm"[\s\S]*mid_block\.attentions\.0/,
  );
});

test("a model without a scheduler is told its noise by flags", async () => {
  const flags = ["--diffusion.schedule", "cosine-capped", "--diffusion.timesteps", "40"];
  await succeeds("convert", "--checkpoint", at("alone"), ...flags, "--out", at("told.safetensors"));
  const { config } = decodeModel(readFileSync(at("told.safetensors"))).metadata!;
  assert.deepEqual([config["diffusion.schedule"], config["diffusion.timesteps"], config["model.groups"]], ["cosine-capped", 40, 2]);
});

test("a size of diffusers is what images have unless flags say another, and has to be said where it is none", async () => {
  const sizeOf = async (size: unknown, ...flags: string[]): Promise<unknown[]> => {
    write("sized", { "config.json": { ...unet, sample_size: size }, [weightsName]: weights });
    await succeeds("convert", "--checkpoint", at("sized"), ...flags, "--out", at("sized.safetensors"));
    const { config } = decodeModel(readFileSync(at("sized.safetensors"))).metadata!;
    return [config["data.height"], config["data.width"]];
  };
  assert.deepEqual(await sizeOf([8, 16]), [8, 16]);
  assert.deepEqual(await sizeOf(9, "--data.height", "8", "--data.width", "12"), [8, 12]);
  assert.deepEqual(await sizeOf(null, "--data.height", "8", "--data.width", "12"), [8, 12]);
  await fails(
    /Expected --data\.width since sample_size of diffusers is null but found none; say how large its images are/,
    1,
    ...["convert", "--checkpoint", at("sized"), "--data.height", "8", "--out", at("sized.safetensors")],
  );
});

test("a state dict of the annotated diffusion model predicts as there, and keeps what flags say of it", async () => {
  const recorded = recording("annotated-unet");
  writeFileSync(at("annotated.safetensors"), encode(stateDict(recorded), {}));
  await agrees("annotated.safetensors", recorded, "--model.groups", "2");
  const flags = ["--model.groups", "2", "--diffusion.timesteps", "300", "--data.height", "8", "--data.width", "8"];
  await succeeds("convert", "--checkpoint", at("annotated.safetensors"), ...flags, "--out", at("described.safetensors"));
  await agrees("described.safetensors", recorded);
  const found = decode(readFileSync(at("described.safetensors"))).tensors;
  for (const [name, { data }] of stateDict(recorded)) assert.deepEqual(found.get(name)!.data, data, name);
  await fails(
    /Expected model\.architecture ddpm for diffusers but found annotated, which it does not have/,
    1,
    ...["convert", "--checkpoint", at("described.safetensors"), "--out", at("no-folder")],
  );
});

test("a page is given only a checkpoint with its configuration", () =>
  fails(
    /Expected a checkpoint with its configuration for a page but found none in \S+; write one with ddpm convert/,
    1,
    ...["playground", "--no-open", "--checkpoint", at("pipeline")],
  ));

test("what cannot be read of diffusers is told", async () => {
  const refused = async (files: Parameters<typeof write>[1], message: RegExp, ...flags: string[]): Promise<void> => {
    const place = mkdtempSync(at("refused-")).slice(folder.length + 1);
    write(place, files);
    await fails(message, 1, "convert", "--checkpoint", at(place), ...flags, "--out", at("refused.safetensors"));
  };
  const { [`unet/${weightsName}`]: _, ...weightless } = pipeline;
  await refused(
    weightless,
    /Expected \S+unet\/diffusion_pytorch_model\.safetensors but found no such file; save the model with safe_serialization=True/,
  );
  await refused(
    { ...weightless, "unet/diffusion_pytorch_model.bin": "" },
    /but found diffusion_pytorch_model\.bin; save the model with safe_serialization=True/,
  );
  await refused(
    { "model_index.json": { _class_name: "DDIMPipeline" } },
    /Expected a pipeline with unet\/config\.json at \S+ but found DDIMPipeline; give one/,
  );
  await refused(
    { ...pipeline, "model_index.json": { _class_name: "LDMPipeline" } },
    /Expected a pipeline among DDPMPipeline, .* at \S+ but found "LDMPipeline"; give the folder of its UNet2DModel to read that alone/,
  );
  await refused({ ...pipeline, "unet/config.json": "{" }, /unet\/config\.json: Expected JSON but found .*; save the model again/);
  await refused({ ...pipeline, "unet/config.json": " ".repeat(2 ** 25 + 1) }, /Expected JSON of at most 33554432 bytes but found 33554433/);
  await refused(
    { ...pipeline, "unet/config.json": { ...unet, act_fn: "gelu" } },
    /Expected act_fn of diffusers to be "silu" or "swish" but found "gelu"/,
  );
  await refused(pipeline, /Expected diffusion\.timesteps 50 as in the checkpoint but found 60; leave it out/, "--diffusion.timesteps", "60");
  writeFileSync(at("bare.safetensors"), weights);
  await fails(
    /Expected --model\.groups, --model\.headDim, .* but found none; add them, or give the folder that diffusers saved, whose config\.json tells all/,
    1,
    ...["sample", "--checkpoint", at("bare.safetensors"), "--out", at("a.png")],
  );
});
