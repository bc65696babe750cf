import { basename } from "node:path";
import { size } from "@ddpm/core/graph";
import type * as Onnx from "onnxruntime-node";
import type { Size } from "../data/source.ts";
import { unreadable } from "../missing-file.ts";
import type { Features } from "./features.ts";
import { mostFeatures } from "./frechet-distance.ts";
import { Resizer } from "./resizer.ts";
import { joined } from "./vectors.ts";

/** What a network expects a pixel to be. */
export const pixelScales = {
  /** 0 to 255 */
  bytes: () => [1, 0],
  /** 0 to 1 */
  unit: () => [1 / 255, 0],
  /** -1 to 1 */
  signed: () => [1 / 127.5, -1],
  /** Less the mean of each of ImageNet's three channels, over its deviation. */
  imagenet: (channel) => [1 / 255 / imagenet.deviation[channel]!, -imagenet.mean[channel]! / imagenet.deviation[channel]!],
} as const satisfies Record<string, (channel: number) => readonly [scale: number, shift: number]>;
type PixelScale = keyof typeof pixelScales;

const imagenet = { mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225] } as const;

export interface OnnxOptions {
  /** Of an .onnx file: bytes where it takes uint8, else signed unless given. */
  readonly pixelScale?: PixelScale | undefined;
}

/** Images of one run where a network takes any number: those of Inception's size take a megabyte each. */
const usualBatch = 16;

/**
 * Features of a network in ONNX with one input, [n, 3 or 1, height, width] or [n, height, width, 3 or 1], and a first output of so many numbers for each
 * image. Images are resized to what it takes. Throws where the runtime is not installed, or the file is no such network.
 */
export async function onnxFeatures(path: string, image: Size, { pixelScale }: OnnxOptions): Promise<Features> {
  const ort = await runtime();
  const session = await opened(ort, path);
  const input = inputOf(session, path, image);
  const scale = pixelScales[pixelScale ?? (input.type === "uint8" ? "bytes" : "signed")];
  const [resizer, elements] = [new Resizer(image, input.size), size([input.size.height, input.size.width, input.size.channels])];
  /** Fills up to the network's own batch. */
  const run = async (bytes: Uint8Array, n: number): Promise<Float32Array> => {
    const count = input.batch ?? n;
    const padded = new Uint8Array(count * elements);
    padded.set(bytes);
    const tensor = new ort.Tensor(input.type, laidOut(padded, count, input, scale), input.shape(count));
    const output = (await session.run({ [session.inputNames[0]!]: tensor }))[session.outputNames[0]!]!;
    return checked(path, output, count).subarray(0, n * (output.size / count));
  };
  const of = async (bytes: Uint8Array, count: number): Promise<Float32Array> => {
    const resized = await resizer.resize(bytes, count);
    const parts: Float32Array[] = [];
    const batch = input.batch ?? usualBatch;
    for (let first = 0; first < count; first += batch) {
      const n = Math.min(batch, count - first);
      parts.push(Float32Array.from(await run(resized.subarray(first * elements, (first + n) * elements), n)));
    }
    return joined(parts, 1).values;
  };
  const one = await of(new Uint8Array(size([image.height, image.width, image.channels])), 1);
  return { name: basename(path), normal: one.length <= mostFeatures, size: one.length, of, [Symbol.asyncDispose]: () => session.release() };
}

/** The numbers of an output [count, features], also with axes of length 1. Throws a SyntaxError for another. */
function checked(path: string, { type, dims, data }: Onnx.Tensor, count: number): Float32Array {
  const [first, ...rest] = dims;
  if (type === "float32" && first === count && rest.filter((n) => n !== 1).length <= 1) return data as Float32Array;
  throw new SyntaxError(
    `Expected a network in ${path} whose first output is float32 [n, features] but found ${type} [${dims}]; export it with its features pooled`,
  );
}

async function runtime(): Promise<typeof Onnx> {
  try {
    return await import("onnxruntime-node");
  } catch (cause) {
    throw new Error("Expected onnxruntime-node for features from an .onnx file but found none; run npm install onnxruntime-node", { cause });
  }
}

async function opened({ InferenceSession }: typeof Onnx, path: string): Promise<Onnx.InferenceSession> {
  const { access } = await import("node:fs/promises");
  await access(path).catch((error: NodeJS.ErrnoException) => {
    const { found, advice } = unreadable(path, error, "give the path of one");
    throw new Error(`Expected an .onnx file at ${path} but found ${found}; ${advice}`, { cause: error });
  });
  try {
    return await InferenceSession.create(path, { logSeverityLevel: 3 });
  } catch (cause) {
    const reason = (cause as Error).message.split("\n")[0]!.slice(0, 200);
    throw new SyntaxError(`Expected a network in ONNX in ${path} but found ${JSON.stringify(reason)}; export it again`, { cause });
  }
}

interface NetworkInput {
  readonly type: "uint8" | "float32";
  readonly size: Size;
  readonly channelsFirst: boolean;
  /** Where it takes but one number of images. */
  readonly batch: number | undefined;
  readonly shape: (count: number) => number[];
}

/** What a network takes; where it takes images of any size, those of `image`. */
function inputOf({ inputMetadata }: Onnx.InferenceSession, path: string, image: Size): NetworkInput {
  const [only, ...others] = inputMetadata;
  const axes = only?.isTensor ? only.shape.map((n) => (typeof n === "number" && n > 0 ? n : undefined)) : [];
  const channelsFirst = isChannels(axes[1]);
  const [channels, height = image.height, width = image.width] = channelsFirst ? axes.slice(1) : [axes[3], axes[1], axes[2]];
  if (!only?.isTensor || others.length > 0 || axes.length !== 4 || !isChannels(channels) || !["uint8", "float32"].includes(only.type)) {
    const found = inputMetadata.map((x) => `${x.name} ${x.isTensor ? `${x.type} [${x.shape}]` : ""}`).join(", ");
    throw new SyntaxError(
      `Expected a network of one input [n, 1 or 3, height, width] or [n, height, width, 1 or 3] in ${path} but found ${found}; export it so`,
    );
  }
  if (image.channels === 3 && channels === 1)
    throw new RangeError(`Expected a network for colour images in ${path} but found one for grey ones; choose another`);
  return {
    type: only.type as NetworkInput["type"],
    size: { height, width, channels },
    channelsFirst,
    batch: axes[0],
    shape: (count) => (channelsFirst ? [count, channels, height, width] : [count, height, width, channels]),
  };
}

const isChannels = (n: number | undefined): n is 1 | 3 => n === 1 || n === 3;

/** Bytes [n, height, width, channels] as the network takes them. */
function laidOut(bytes: Uint8Array, n: number, { type, size, channelsFirst }: NetworkInput, scale: (channel: number) => readonly [number, number]) {
  const [pixels, channels] = [size.height * size.width, size.channels];
  const out = type === "uint8" ? new Uint8Array(bytes.length) : new Float32Array(bytes.length);
  for (let c = 0; c < channels; c++) {
    const [factor, shift] = scale(c);
    for (let i = 0; i < n * pixels; i++) {
      const to = channelsFirst ? (Math.floor(i / pixels) * channels + c) * pixels + (i % pixels) : i * channels + c;
      out[to] = bytes[i * channels + c]! * factor + shift;
    }
  }
  return out;
}
