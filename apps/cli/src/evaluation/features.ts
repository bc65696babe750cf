import { existsSync } from "node:fs";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import type { Backend, Dataset } from "@ddpm/core";
import { featureCount } from "@ddpm/core/classifier";
import { size } from "@ddpm/core/graph";
import type { Size } from "../data/source.ts";
import { UsageError } from "../usage-error.ts";
import { atOnce, openClassifier, readClassifier } from "./classifier-file.ts";
import type { OnnxOptions } from "./onnx-features.ts";
import { Resizer } from "./resizer.ts";

/** What turns an image into the numbers that distances are measured in. */
export interface Features extends AsyncDisposable {
  /** What they are, for people. */
  readonly name: string;
  /** Numbers of an image. */
  readonly size: number;
  /** Whether a normal distribution says enough of them, as FID takes for granted. */
  readonly normal: boolean;
  /** Of `count` images of one size as bytes [count, height, width, channels]: [count, size]. */
  of(bytes: Uint8Array, count: number): Promise<Float32Array>;
}

export interface FeaturesOptions extends OnnxOptions {
  /** A file, or pixels; what comes with this program for the data unless given. */
  readonly file?: string | undefined;
  readonly image: Size;
  readonly say: (line: string) => void;
}

export const featuresHelp =
  "what ddpm classifier wrote, an .onnx file, or pixels (what comes with the program for fashion-mnist and shapes, else pixels)";

/** Opens what a file says, or what comes with this program for the data. Throws where the file is none, or is not for such images. */
export async function openFeatures(backend: Backend, data: string, options: FeaturesOptions): Promise<Features> {
  const { file = bundled(data, options), image } = options;
  if (options.pixelScale !== undefined && extname(file) !== ".onnx")
    throw new UsageError(`Expected --features with an .onnx file for --pixel-scale but found ${file}; leave it out`);
  if (file === "pixels") return pixels(image);
  if (extname(file) !== ".onnx") return ofClassifier(backend, file, image);
  const { onnxFeatures } = await import("./onnx-features.ts");
  return onnxFeatures(file, image, options);
}

function bundled(data: string, { image, say }: FeaturesOptions): string {
  const path = fileURLToPath(new URL(`../../classifiers/${data}.safetensors`, import.meta.url));
  if (/^[\w-]+$/.test(data) && image.channels === 1 && existsSync(path)) return path;
  say(
    `Measuring in pixels, which tell little: no features come with the program for these images; --features takes what ddpm classifier or others make`,
  );
  return "pixels";
}

function pixels({ height, width, channels }: Size): Features {
  return {
    name: "pixels",
    normal: false,
    size: size([height, width, channels]),
    of: async (bytes) => Float32Array.from(bytes, (byte) => byte / 127.5 - 1),
    [Symbol.asyncDispose]: async () => {},
  };
}

/** Of images of another size, when they have been resized to what the classifier has learnt. */
async function ofClassifier(backend: Backend, path: string, image: Size): Promise<Features> {
  const file = await readClassifier(path);
  const { "data.name": data, "data.height": height, "data.width": width, "model.channels": channels } = file.config;
  if (channels !== image.channels)
    throw new RangeError(
      `Expected features of images with ${image.channels} channels but found those of ${channels} in ${path}; choose other --features, or pixels`,
    );
  const [classifier, resizer] = [await openClassifier(backend, file), new Resizer(image, { height, width, channels: image.channels })];
  const [elements, count] = [size([height, width, channels]), featureCount(file.config)];
  return {
    name: `a classifier of ${data}`,
    normal: true,
    size: count,
    of: async (bytes, n) => {
      const out = new Float32Array(n * count);
      const resized = await resizer.resize(bytes, n);
      for (let first = 0; first < n; first += atOnce) {
        const images = new Float32Array(atOnce * elements);
        images.set(Float32Array.from(resized.subarray(first * elements, (first + atOnce) * elements), (byte) => byte / 127.5 - 1));
        const { features } = await classifier.classify(images);
        out.set(features.subarray(0, Math.min(atOnce, n - first) * count), first * count);
      }
      return out;
    },
    [Symbol.asyncDispose]: () => classifier[Symbol.asyncDispose](),
  };
}

/** An image mirrored left to right, or each of several. */
export function mirrored(bytes: Uint8Array, { width, channels }: Pick<Dataset, "width" | "channels">): Uint8Array {
  const row = width * channels;
  return bytes.map((_, i) => {
    const column = Math.floor((i % row) / channels);
    return bytes[i + (width - 1 - 2 * column) * channels]!;
  });
}
