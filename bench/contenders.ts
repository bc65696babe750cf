import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Mode } from "./protocol.ts";
import type { Command } from "./worker.ts";

export type Contender = {
  readonly name: string;
  /** Its worker's command line; throws an Error that tells how to get what is missing. */
  command(mode: Mode): Command;
};

export type Setting = { readonly threads: number; readonly python: string | undefined; readonly gpu: boolean };

/** The contenders by key. All get the same number of threads, and all the GPU (products in float32, not TF32) or none of it. */
export function contenders(setting: Setting): Readonly<Record<ContenderKey, Contender>> {
  const threads = String(setting.threads);
  const env = {
    ...(setting.gpu ? { NVIDIA_TF32_OVERRIDE: "0" } : { CUDA_VISIBLE_DEVICES: "-1" }),
    OMP_NUM_THREADS: threads,
    TF_NUM_INTRAOP_THREADS: threads,
    TF_NUM_INTEROP_THREADS: threads,
    TF_CPP_MIN_LOG_LEVEL: "2",
  };
  const gpu = setting.gpu ? ["--gpu"] : [];
  const node = (name: string, folder: string, ...flags: string[]): Contender => ({
    name,
    command: (mode) => {
      const script = join(import.meta.dirname, folder, "worker.ts");
      const args = ["--import", "tsx", script, "--mode", mode, "--threads", threads, ...gpu, ...flags];
      return { command: process.execPath, args, env };
    },
  });
  const torch = (name: string, ...flags: string[]): Contender => ({
    name,
    command: (mode) => {
      const script = join(import.meta.dirname, "pytorch/worker.py");
      const args = [script, "--mode", mode, "--threads", threads, ...gpu, ...flags];
      return { command: findPython(setting.python), args, env };
    },
  });
  return {
    ddpm: node("ddpm (compiled)", "ddpm"),
    ddpmBf16: node("ddpm (compiled), bf16", "ddpm", "--bf16"),
    tfjs: setting.gpu ? withoutGpu("tfjs-node, eager") : node("tfjs-node, eager", "tfjs"),
    torch: torch("PyTorch, eager"),
    torchBf16: torch("PyTorch, eager, bf16 autocast", "--bf16"),
    torchCompile: torch("PyTorch, torch.compile", "--compile"),
  };
}

/** A contender that is only measured on the CPU. */
const withoutGpu = (name: string): Contender => ({
  name,
  command: () => {
    throw new Error("only measured on the CPU");
  },
});

export type ContenderKey = "ddpm" | "ddpmBf16" | "tfjs" | "torch" | "torchBf16" | "torchCompile";

/** The Python that has PyTorch; throws an Error that tells how to get one. */
export function findPython(asked = process.env["DDPM_BENCH_PYTHON"]): string {
  const made = join(tmpdir(), "ddpm-bench-pytorch/bin/python");
  const python = asked ?? made;
  if (existsSync(python)) return python;
  throw new Error(`No Python at ${python}: run bench/setup-pytorch.sh, or give --python or DDPM_BENCH_PYTHON`);
}
