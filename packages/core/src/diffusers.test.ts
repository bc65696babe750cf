import assert from "node:assert/strict";
import { test } from "node:test";
import type { ParameterValue } from "./checkpoint.ts";
import { type Config, configure } from "./config.ts";
import { type DiffusersJson, drawingSettings, fromDiffusers, parametersFromDiffusers, type SchedulerDrawing, toDiffusers } from "./diffusers/mod.ts";
import { presets } from "./presets.ts";
import { betas, scheduleNames } from "./schedule.ts";
import { timesteps } from "./spacing.ts";

/** What the files of google/ddpm-cifar10-32 say. */
const unet: DiffusersJson = {
  _class_name: "UNet2DModel",
  _diffusers_version: "0.0.4",
  act_fn: "silu",
  attention_head_dim: null,
  block_out_channels: [128, 256, 256, 256],
  center_input_sample: false,
  down_block_types: ["DownBlock2D", "AttnDownBlock2D", "DownBlock2D", "DownBlock2D"],
  downsample_padding: 0,
  flip_sin_to_cos: false,
  freq_shift: 1,
  in_channels: 3,
  layers_per_block: 2,
  mid_block_scale_factor: 1,
  norm_eps: 1e-6,
  norm_num_groups: 32,
  out_channels: 3,
  sample_size: 32,
  time_embedding_type: "positional",
  up_block_types: ["UpBlock2D", "UpBlock2D", "AttnUpBlock2D", "UpBlock2D"],
};
const scheduler: DiffusersJson = {
  _class_name: "DDPMScheduler",
  beta_end: 0.02,
  beta_schedule: "linear",
  beta_start: 0.0001,
  clip_sample: true,
  num_train_timesteps: 1000,
  trained_betas: null,
  variance_type: "fixed_large",
};

/** What of a configuration the files of diffusers tell; of classes only how many. */
const told = (config: Config): Partial<Config> =>
  Object.fromEntries(Object.entries(config).filter(([key]) => /^(model|diffusion)\.|^data\.(height|width)$/.test(key) && key !== "model.block"));

test("fromDiffusers() reads google/ddpm-cifar10-32 as the preset ddpm-cifar10", () => {
  const { config, drawing } = fromDiffusers(unet, scheduler);
  assert.deepEqual(config, told(configure(presets["ddpm-cifar10"], { "model.dropout": 0 })));
  assert.deepEqual(drawing, { name: "DDPMScheduler", settings: { sampler: "ddpm", spacing: "leading", clip: true }, differences: [] });
});

test("fromDiffusers() takes diffusers' defaults for what a model's file leaves out", () => {
  const { config } = fromDiffusers({ _class_name: "UNet2DModel" });
  const { "model.dim": dim, "model.dimMults": mults, "model.attention": attention, "model.headDim": headDim } = config;
  assert.deepEqual([dim, mults, attention, headDim], [224, [1, 2, 3, 4], [1, 2, 3], 8]);
  assert.deepEqual(
    [config["model.freqShift"], config["model.flipSinToCos"], config["model.downsamplePadding"], config["model.normEps"]],
    [0, true, 1, 1e-5],
  );
  assert.equal(config["data.height"], undefined);
  assert.equal(config["diffusion.timesteps"], undefined);
});

test("fromDiffusers() takes null where it is diffusers' own default", () => {
  const none = { time_embedding_dim: null, attn_norm_num_groups: null, class_embed_type: null, num_train_timesteps: null };
  assert.deepEqual(fromDiffusers({ ...unet, ...none }).config, fromDiffusers(unet).config);
});

test("fromDiffusers() of toDiffusers() gives a configuration back, for every schedule, objective and variance", () => {
  const model = {
    ...presets["ddpm-cifar10"],
    "data.height": 16,
    "model.attention": [0, 3],
    "model.headDim": 32,
    "model.flipSinToCos": true,
  } as const;
  for (const name of scheduleNames)
    for (const rest of [
      { "diffusion.objective": "v", "diffusion.zeroTerminalSnr": true, "diffusion.variance": "posterior", "diffusion.timesteps": 500 },
      { "diffusion.objective": "x0", "diffusion.variance": "learned", "diffusion.timesteps": 300 },
    ] as const) {
      const config = configure(model, { "diffusion.schedule": name }, rest);
      const { "unet/config.json": unet, "scheduler/scheduler_config.json": scheduler } = toDiffusers(config, new Map()).files;
      assert.deepEqual(fromDiffusers(unet!, JSON.parse(JSON.stringify(scheduler)) as DiffusersJson).config, told(config), name);
    }
});

test("a scheduler's betas are told by their name or as numbers, such as float32 has them", () => {
  const schedule = (part: DiffusersJson) => fromDiffusers(unet, { ...scheduler, ...part }).config;
  assert.equal(schedule({ beta_schedule: "squaredcos_cap_v2" })["diffusion.schedule"], "cosine-capped");
  assert.equal(schedule({ beta_schedule: "scaled_linear" })["diffusion.schedule"], "quadratic");
  assert.equal(schedule({ beta_start: 0.001, beta_end: 0.2, num_train_timesteps: 100 })["diffusion.schedule"], "linear-scaled");
  const trained = [...new Float32Array(betas("sigmoid-alpha-bar", 50))];
  const found = schedule({ trained_betas: trained });
  assert.deepEqual([found["diffusion.schedule"], found["diffusion.timesteps"]], ["sigmoid-alpha-bar", 50]);
  const { variance_type: _, ...ddim } = scheduler;
  assert.equal(fromDiffusers(unet, { ...ddim, _class_name: "DDIMScheduler" }).config["diffusion.variance"], "posterior");
});

test("fromDiffusers() says how to draw as a scheduler does, which has its own defaults", () => {
  const drawingOf = (part: DiffusersJson): SchedulerDrawing => {
    const { clip_sample: _, ...silent } = scheduler;
    return fromDiffusers(unet, { ...silent, ...part }).drawing!;
  };
  const settingsOf = (part: DiffusersJson) => drawingOf(part).settings;
  const ddpm = { sampler: "ddpm", spacing: "leading", clip: true };
  const ddim = { sampler: "ddim", spacing: "leading", clip: true, rederive: false };
  assert.deepEqual(settingsOf({}), ddpm);
  assert.deepEqual(settingsOf({ _class_name: undefined }), ddpm);
  assert.deepEqual(settingsOf({ timestep_spacing: "trailing", clip_sample: false }), { sampler: "ddpm", spacing: "trailing", clip: false });
  assert.deepEqual(settingsOf({ use_karras_sigmas: true }), ddpm, "of a scheduler that does not know them");
  assert.deepEqual(settingsOf({ _class_name: "DDIMScheduler" }), ddim);
  assert.deepEqual(drawingOf({ _class_name: "DDIMScheduler", clip_sample: false, set_alpha_to_one: false, steps_offset: 1 }), {
    name: "DDIMScheduler",
    settings: { ...ddim, clip: false },
    differences: [
      "its steps_offset is 1, and here it is always 0: pictures will differ a little",
      "its set_alpha_to_one is false, and here it is always true: pictures will differ a little",
    ],
  });
  const euler = settingsOf({ _class_name: "EulerDiscreteScheduler", clip_sample_range: 2 });
  assert.deepEqual(euler, { sampler: "euler", spacing: "linspace", clip: false });
  assert.deepEqual(drawingOf({ _class_name: "DPMSolverMultistepScheduler", use_karras_sigmas: true, solver_order: 3 }), {
    name: "DPMSolverMultistepScheduler",
    settings: { sampler: "dpm++", spacing: "karras", clip: false },
    differences: ["its solver_order is 3, and here it is always 2: pictures will differ a little"],
  });
  for (const [kind, name] of [
    ["PNDMScheduler", "PNDMScheduler"],
    [{ toString: 1 }, '{"toString":1}'],
  ])
    assert.deepEqual(drawingOf({ _class_name: kind }), {
      name,
      differences: ["its noise is taken and its way of drawing is not, which is not known here: choose a sampler"],
    });
});

test("fromDiffusers() draws with zero terminal SNR from noise alone, whatever the scheduler's spacing", () => {
  const { settings, differences } = fromDiffusers(unet, { ...scheduler, _class_name: "DDIMScheduler", rescale_betas_zero_snr: true }).drawing!;
  assert.equal(settings!.spacing, "trailing");
  assert.deepEqual(differences, [
    "its timestep_spacing is leading, which need not begin with noise alone as zero terminal SNR has to: it is trailing here",
  ]);
  const even = fromDiffusers(unet, { ...scheduler, timestep_spacing: "linspace", rescale_betas_zero_snr: true }).drawing!;
  assert.deepEqual([even.settings!.spacing, even.differences], ["linspace", []]);
});

test("drawingSettings() takes what is asked, then what the model's scheduler says of that sampler, then what is usual", () => {
  const own = { sampler: "ddim", spacing: "leading", clip: true, rederive: false } as const;
  const usual = { sampler: "ddpm", clip: true } as const;
  assert.deepEqual(drawingSettings({}, usual), usual);
  assert.deepEqual(drawingSettings({}, usual, own), own);
  assert.deepEqual(drawingSettings({ spacing: undefined, clip: false, steps: 5 }, usual, own), { ...own, clip: false, steps: 5 });
  assert.deepEqual(drawingSettings({ sampler: "ddim", rederive: true }, usual, own), { ...own, rederive: true });
  assert.deepEqual(drawingSettings({ sampler: "euler", spacing: "karras" }, usual, own), { sampler: "euler", spacing: "karras", clip: true });
});

test("fromDiffusers() names the key of what our model and samplers do not have", () => {
  const refuses = (model: DiffusersJson, noise: DiffusersJson, message: RegExp): void =>
    assert.throws(() => fromDiffusers({ ...unet, ...model }, { ...scheduler, ...noise }), { name: "SyntaxError", message });
  refuses(
    { _class_name: "UNet2DConditionModel" },
    {},
    /Expected _class_name of diffusers to be "UNet2DModel" but found "UNet2DConditionModel"; other/,
  );
  refuses({ act_fn: "gelu" }, {}, /act_fn of diffusers to be "silu" or "swish" but found "gelu"; other U-Nets cannot be read$/);
  refuses({ class_embed_type: "timestep" }, {}, /class_embed_type of diffusers to be left out but found "timestep"/);
  refuses({ attn_norm_num_groups: 8 }, {}, /attn_norm_num_groups of diffusers to be 32 or null but found 8/);
  refuses({ mid_block_type: null }, {}, /mid_block_type of diffusers to be "UNetMidBlock2D" but found null; other U-Nets cannot be read$/);
  refuses({ out_channels: 4 }, {}, /out_channels of diffusers to be in_channels or twice as many but found 4/);
  refuses({ block_out_channels: [64, 96] }, {}, /block_out_channels of diffusers to be a list of multiples of its first but found \[64,96\]/);
  refuses(
    { down_block_types: ["ResnetDownsampleBlock2D"] },
    {},
    /down_block_types of diffusers to be 4 of DownBlock2D and AttnDownBlock2D but found/,
  );
  refuses({ up_block_types: ["UpBlock2D"] }, {}, /up_block_types of diffusers to be those on the way down mirrored, .* but found \["UpBlock2D"\]/);
  refuses({ num_class_embeds: 0.5 }, {}, /num_class_embeds of diffusers to be a number of at least 1 and at most 100,000 but found 0\.5/);
  for (const size of [[8], "8", 0.5, [8, 0]])
    refuses({ sample_size: size }, {}, /sample_size of diffusers to be a side or \[height, width\], in pixels but found .*; leave it out, and say/);
  refuses({ norm_num_groups: 33 }, {}, /norm_num_groups of diffusers to be a divisor of 128, .* but found 33; other U-Nets cannot be read$/);
  refuses({ attention_head_dim: 3 }, {}, /attention_head_dim of diffusers to be 0 or a divisor of 256, .* but found 3/);
  refuses({ in_channels: null, out_channels: null }, {}, /in_channels of diffusers to be .* but found null/);
  refuses({ block_out_channels: [3, 6, 6, 6] }, {}, /block_out_channels of diffusers to be .* but found 3/);
  refuses({ layers_per_block: "2" }, {}, /layers_per_block of diffusers to be an integer .* but found "2"/);
  refuses({}, { beta_schedule: "laplace" }, /beta_schedule of diffusers to be one of ours but found \["laplace",0\.0001,0\.02\]; there is linear, /);
  refuses({}, { beta_start: 0.00085 }, /beta_schedule of diffusers to be one of ours but found \["linear",0\.00085,0\.02\]/);
  refuses({}, { beta_schedule: undefined }, /beta_schedule of diffusers to be one of ours but found \[null,/);
  refuses({}, { trained_betas: [0.5, 0.6] }, /beta_schedule of diffusers to be one of ours but found \[0\.5,0\.6\]/);
  refuses({}, { num_train_timesteps: 0 }, /num_train_timesteps of diffusers to be an integer from 1 to a million but found 0/);
  refuses({}, { prediction_type: "flow" }, /prediction_type of diffusers to be epsilon, sample, v_prediction but found "flow"; nothing else/);
  refuses(
    {},
    { variance_type: "learned" },
    /variance_type of diffusers to be "fixed_small" or "fixed_large" for a model of as many out_channels but found/,
  );
  refuses(
    { out_channels: 6 },
    {},
    /variance_type of diffusers to be "learned_range" for a model of twice as many out_channels but found "fixed_large"; draw with/,
  );
  refuses({}, { thresholding: true }, /thresholding of diffusers to be false but found true; dynamic thresholds are not known here/);
  refuses({}, { clip_sample_range: 2 }, /clip_sample_range of diffusers to be 1 but found 2; x0 is clipped to ±1 here/);
  refuses({}, { clip_sample: undefined, clip_sample_range: 2 }, /clip_sample_range of diffusers to be 1 but found 2/);
  refuses({}, { timestep_spacing: "even" }, /timestep_spacing of diffusers to be leading, trailing, linspace but found "even"; leave it out/);
});

test("toDiffusers() gives a scheduler whose fewer steps end at 0, which alone adds no noise in diffusers", () => {
  for (const zeroTerminalSnr of [false, true]) {
    const config = configure(presets["ddpm-cifar10"], { "diffusion.objective": "v", "diffusion.zeroTerminalSnr": zeroTerminalSnr });
    const spacing = toDiffusers(config, new Map()).files["scheduler/scheduler_config.json"]!["timestep_spacing"] as "leading";
    const visited = timesteps(spacing, 1000, 50);
    assert.deepEqual([visited.at(-1), visited[0]], [0, zeroTerminalSnr ? 999 : 980]);
  }
});

test("toDiffusers() writes back how a model from there is drawn where its pipelines can, and nothing of its noise", () => {
  const again = (part: DiffusersJson): DiffusersJson => {
    const { config, scheduler: drawing } = fromDiffusers(unet, { ...scheduler, ...part });
    return toDiffusers(config as Config, new Map(), drawing).files["scheduler/scheduler_config.json"]!;
  };
  const ddpm = again({ clip_sample: false, timestep_spacing: "linspace", beta_schedule: "squaredcos_cap_v2", trained_betas: null });
  assert.deepEqual([ddpm["clip_sample"], ddpm["timestep_spacing"], ddpm["beta_schedule"]], [false, "linspace", "squaredcos_cap_v2"]);
  assert.equal(ddpm["trained_betas"], undefined);
  const euler = again({ _class_name: "EulerDiscreteScheduler", timestep_spacing: "linspace", clip_sample: undefined });
  assert.deepEqual([euler["_class_name"], euler["clip_sample"], euler["timestep_spacing"]], ["DDPMScheduler", true, "leading"]);
});

test("toDiffusers() refuses what diffusers does not have", () => {
  assert.throws(() => toDiffusers(presets.notebook, new Map()), {
    name: "TypeError",
    message: "Expected model.architecture ddpm for diffusers but found notebook, which it does not have; write a .safetensors file",
  });
});

test("parametersFromDiffusers() gives attentions today's names, and classes a column for none", () => {
  const value = (shape: number[], ...data: number[]): ParameterValue => ({ shape, data: Float32Array.from(data) });
  const found = parametersFromDiffusers(
    new Map([
      ["mid_block.attentions.0.query.weight", value([1, 1], 1)],
      ["mid_block.attentions.0.proj_attn.bias", value([1], 2)],
      ["mid_block.attentions.0.to_k.bias", value([1], 3)],
      ["class_embedding.weight", value([2, 3], 1, 2, 3, 4, 5, 6)],
    ]),
  );
  const names = ["to_q.weight", "to_out.0.bias", "to_k.bias"].map((name) => `mid_block.attentions.0.${name}`);
  assert.deepEqual([...found.keys()], [...names, "class_embedding.weight"]);
  assert.deepEqual(found.get("class_embedding.weight"), value([2, 4], 1, 2, 3, 0, 4, 5, 6, 0));
});

test("toDiffusers() leaves out an embedding of no class that was never trained", () => {
  const config = configure(presets["ddpm-cifar10"], { "model.classes": ["a", "b"] });
  const of = (...data: number[]) => {
    const table = { shape: [2, 3], data: Float32Array.from(data) };
    const { files, parameters, whole } = toDiffusers(config, new Map([["class_embedding.weight", table]]));
    return [files["unet/config.json"]!["num_class_embeds"], [...parameters.get("class_embedding.weight")!.data], whole];
  };
  assert.deepEqual(of(1, 2, 0, 3, 4, 0), [2, [1, 2, 3, 4], false]);
  assert.deepEqual(of(1, 2, 0, 3, 4, 5), [3, [1, 2, 0, 3, 4, 5], true]);
});
