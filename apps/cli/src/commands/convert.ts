import { decodeModel, encodeModel } from "@ddpm/core";
import type { EncodeOptions } from "@ddpm/core/safetensors";
import { type Command, Option } from "commander";
import { checkpointBytes } from "../checkpoint-file.ts";
import { prepareFile } from "../figure-file.ts";
import { writeAtomically } from "../files.ts";

interface Options {
  readonly checkpoint: string;
  readonly dtype: NonNullable<EncodeOptions["dtype"]>;
  readonly out: string;
}

export function convertCommand(program: Command): void {
  program
    .command("convert")
    .description("Write a checkpoint with numbers of another size: half as large for a web page")
    .requiredOption("--checkpoint <file|dir>", "a .safetensors file or a run folder")
    .addOption(new Option("--dtype <type>", "how numbers are stored").choices(["F32", "F16", "BF16"]).default("F16"))
    .requiredOption("--out <file>", ".safetensors file to write")
    .action(convert);
}

async function convert({ checkpoint, dtype, out }: Options): Promise<void> {
  await prepareFile("--out", out, [".safetensors"]);
  const bytes = converted(await checkpointBytes(checkpoint), dtype);
  await writeAtomically(out, bytes);
  process.stdout.write(`Wrote ${(bytes.length / 2 ** 20).toFixed(2)} MiB of ${dtype}: ${out}\n`);
}

function converted({ path, bytes }: { path: string; bytes: Uint8Array }, dtype: Options["dtype"]): Uint8Array {
  try {
    const { parameters, metadata } = decodeModel(bytes);
    return encodeModel(parameters, metadata, { dtype });
  } catch (error) {
    throw new SyntaxError(`${path}: ${(error as Error).message}`, { cause: error });
  }
}
