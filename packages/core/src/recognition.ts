/** Which U-Net parameters belong to, by their names and shapes. */
import type { ArchitectureName } from "./architecture.ts";
import { torchShape } from "./checkpoint.ts";
import { type Config, type ConfigKey, configure } from "./config.ts";
import { model } from "./model.ts";
import { quoted } from "./safetensors.ts";
import { Scope } from "./scope.ts";
import type { Shape } from "./shape.ts";
import { input } from "./tensor.ts";

type Shapes = ReadonlyMap<string, { readonly shape: Shape }>;

/** All keys that parameters' names and shapes depend on. */
const shapeKeys = [
  "model.architecture",
  "model.dim",
  "model.dimMults",
  "model.block",
  "model.blocks",
  "model.attention",
  "model.channels",
  "model.classes",
  "diffusion.variance",
] as const satisfies readonly ConfigKey[];

/** What names and shapes of parameters tell of a configuration. */
export type InferredModel = Pick<Config, "model.dim" | "model.dimMults" | "model.channels" | "model.classes"> &
  Partial<Pick<Config, (typeof shapeKeys)[number]>>;

/** A name that only one architecture has. */
const signs: Readonly<Record<Exclude<ArchitectureName, "notebook">, string>> = {
  ddpm: "conv_in.weight",
  annotated: "final_res_block.block1.proj.weight",
};

/**
 * The architecture that parameters' names and shapes (in our layout) tell, as a part of a configuration, with the variance where that is learned; what they
 * cannot tell is in `untoldKeys`, and of classes they tell only how many there are, so that they are named by their numbers.
 * Throws a SyntaxError with the first name that is missing, unexpected or of a wrong shape.
 */
export function inferModel(parameters: Shapes): InferredModel {
  const [architecture = "notebook"] = (Object.keys(signs) as (keyof typeof signs)[]).filter((name) => parameters.has(signs[name]));
  const inferred = inferences[architecture](parameters);
  checkModel(parameters, inferred);
  return inferred;
}

const inferences: { readonly [A in ArchitectureName]: (parameters: Shapes) => InferredModel } = {
  notebook: (parameters) => {
    const shared = ends(parameters, { first: "init_conv.weight", last: "final_conv.1.weight" });
    const block = parameters.has("downs.0.0.ds_conv.weight") ? "convnext" : "resnet";
    const dim = axis(parameters, "time_mlp.1.weight", 0);
    const last = block === "resnet" ? "block1.proj.weight" : "net.4.weight";
    return {
      "model.dim": dim,
      "model.dimMults": numbered(parameters, (i) => `downs.${i}.0.${last}`).map((name) => axis(parameters, name, 3) / dim),
      "model.block": block,
      ...shared,
    };
  },
  ddpm: (parameters) => {
    const dim = axis(parameters, signs.ddpm, 3);
    const levels = numbered(parameters, (i) => `down_blocks.${i}.resnets.0.conv1.weight`);
    return {
      "model.architecture": "ddpm",
      "model.dim": dim,
      "model.dimMults": levels.map((name) => axis(parameters, name, 3) / dim),
      "model.blocks": numbered(parameters, (j) => `down_blocks.0.resnets.${j}.conv1.weight`).length,
      "model.attention": [...levels.keys()].filter((i) => parameters.has(`down_blocks.${i}.attentions.0.to_q.weight`)),
      ...ends(parameters, { first: signs.ddpm, last: "conv_out.weight" }),
      "model.classes": named(parameters.get("class_embedding.weight")?.shape[1]),
    };
  },
  annotated: (parameters) => {
    const dim = axis(parameters, "time_mlp.1.weight", 0);
    const levels = numbered(parameters, (i) => `downs.${i}.0.block1.proj.weight`);
    const handedOn = (i: number): string => `downs.${i}.3.${i < levels.length - 1 ? "1." : ""}weight`;
    return {
      "model.architecture": "annotated",
      "model.dim": dim,
      "model.dimMults": levels.map((_, i) => axis(parameters, handedOn(i), 3) / dim),
      ...ends(parameters, { first: "init_conv.weight", last: "final_conv.weight" }),
    };
  },
};

/** The names with 0, 1, … that there are; the first in any case. */
function numbered(parameters: Shapes, name: (i: number) => string): string[] {
  const names = [name(0)];
  while (parameters.has(name(names.length))) names.push(name(names.length));
  return names;
}

/** What the first and the last convolution and an embedding of classes tell. */
function ends(parameters: Shapes, { first, last }: { readonly first: string; readonly last: string }) {
  const channels = axis(parameters, first, 2);
  const learned = axis(parameters, last, 3) === 2 * channels;
  const rows = parameters.has("class_emb.weight") ? axis(parameters, "class_emb.weight", 0) : undefined;
  return { "model.channels": channels, "model.classes": named(rows), ...(learned && { "diffusion.variance": "learned" as const }) };
}

/** Numbers as the names of classes, of which there is one less than rows of their embedding. */
const named = (rows = 1): string[] => Array.from({ length: rows - 1 }, (_, i) => `${i}`);

/** Throws a SyntaxError with the first parameter (in our layout) that the configuration's U-Net lacks, has besides or has in another shape. */
export function checkModel(parameters: Shapes, model: InferredModel): void {
  const expected = modelShapes(model);
  for (const [name, shape] of expected) {
    const found = shapeOf(parameters, name);
    if (`${found}` === `${shape}`) continue;
    throw new SyntaxError(
      `Expected a DDPM U-Net with ${name} of [${torchShape(shape)}] but found [${torchShape(found)}]; check that the file is whole`,
    );
  }
  for (const name of parameters.keys()) {
    if (!expected.has(name))
      throw new SyntaxError(`Expected a DDPM U-Net without ${quoted(name)} but found it; check that the file holds this model and nothing else`);
  }
}

/** The shape of every parameter of a U-Net, in our layout, found by writing its graph at the least size that the levels can halve. */
function modelShapes(part: InferredModel): Map<string, Shape> {
  const side = 2 ** (part["model.dimMults"].length - 1);
  const known = Object.fromEntries(shapeKeys.flatMap((key) => (part[key] === undefined ? [] : [[key, part[key]]])));
  const config = configure(known, { "data.height": side, "data.width": side });
  const scope = new Scope();
  model(scope, input("x", [1, side, side, config["model.channels"]]), input("t", [1], "int32"), config);
  return new Map([...scope.parameters].map(([name, { shape }]) => [name, shape]));
}

function shapeOf(parameters: Shapes, name: string): Shape {
  const found = parameters.get(name)?.shape;
  if (found) return found;
  const names = [...parameters.keys()].slice(0, 3).map(quoted).join(", ");
  throw new SyntaxError(
    `Expected a DDPM U-Net with ${name} but found ${names || "no parameter"}${parameters.size > 3 ? ", …" : ""}; save model.state_dict() of one`,
  );
}

/** The length of one axis of a weight in our layout. */
function axis(parameters: Shapes, name: string, axis: 0 | 2 | 3): number {
  const shape = shapeOf(parameters, name);
  const rank = axis === 0 ? 2 : 4;
  if (shape.length === rank && shape[axis]! >= 1) return shape[axis]!;
  throw new SyntaxError(
    `Expected a DDPM U-Net with ${name} of ${rank} axes but found [${torchShape(shape)}]; check that the file holds a DDPM U-Net`,
  );
}
