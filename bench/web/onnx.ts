import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { encodeModel, parametersFrom } from "@ddpm/core";
import { findPython } from "../contenders.ts";
import { config, parameters } from "./model.ts";

/** Writes PyTorch's model with our weights to `folder`/model.onnx. Throws an Error that tells what is missing. */
export function exportOnnx(folder: string, python?: string): void {
  const { scope, values } = parameters();
  const checkpoint = join(folder, "model.safetensors");
  writeFileSync(checkpoint, encodeModel(parametersFrom(scope, values), { config, step: 0 }));
  const script = join(import.meta.dirname, "../pytorch/export.py");
  const { status, stderr } = spawnSync(findPython(python), [script, checkpoint, join(folder, "model.onnx")], { encoding: "utf8" });
  if (status !== 0) throw new Error(`Expected PyTorch to export ONNX (bench/setup-pytorch.sh installs both): ${stderr.trim().split("\n").at(-1)}`);
}
