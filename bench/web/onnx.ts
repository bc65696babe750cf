import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
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

/** What setup-pytorch.sh has put beside its venv. */
export interface Runtime {
  /** Where its files are. */
  readonly folder: string;
  readonly version: string;
}

/** Finds onnxruntime-web. Throws an Error that tells what is missing. */
export function findRuntime(python?: string): Runtime {
  const folder = join(dirname(findPython(python)), "../node_modules/onnxruntime-web");
  if (!existsSync(folder)) throw new Error(`Expected onnxruntime-web beside the venv but ${folder} is missing: run bench/setup-pytorch.sh`);
  const { version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as { version: string };
  return { folder: join(folder, "dist"), version };
}
