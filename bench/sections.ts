import type { ContenderKey } from "./contenders.ts";
import type { Ask, Mode } from "./protocol.ts";

export type Section = {
  readonly title: string;
  readonly mode: Mode;
  /** The first one is the base of the ratios. */
  readonly contenders: readonly ContenderKey[];
  readonly ask: Ask;
  /** `warm`: workers stay and the first answers are thrown away; `start`, `memory`: a fresh process each time. */
  readonly measure: "warm" | "start" | "memory";
  readonly images: number;
  readonly note: string;
};

/** Answers thrown away before a warm section is measured. */
export const warmup = 3;

const train = { mode: "train", ask: { do: "train" }, measure: "warm", images: 128 } as const;

/** What can be measured, by the name that `--only` takes. */
export const sections = {
  train: {
    ...train,
    title: "Train step, batch 128, float32",
    contenders: ["ddpm", "torch", "tfjs"],
    note: "",
  },
  forward64: {
    title: "Forward pass, batch 64",
    mode: "sample",
    contenders: ["ddpm", "torch", "tfjs"],
    ask: { do: "forward", batch: 64, repeat: 3 },
    measure: "warm",
    images: 64,
    note: "Each figure is the mean of 3 passes.",
  },
  forward1: {
    title: "Forward pass, one image",
    mode: "sample",
    contenders: ["ddpm", "torch", "tfjs"],
    ask: { do: "forward", batch: 1, repeat: 30 },
    measure: "warm",
    images: 1,
    note: "Each figure is the mean of 30 passes.",
  },
  bf16: {
    ...train,
    title: "Train step, batch 128, bf16",
    contenders: ["ddpmBf16", "ddpm", "torchBf16"],
    note: "",
  },
  compile: {
    ...train,
    title: "Train step against torch.compile",
    contenders: ["ddpm", "torchCompile"],
    note: "",
  },
  "first-step": {
    ...train,
    title: "Process start to first finished train step",
    contenders: ["ddpm", "torch", "tfjs"],
    measure: "start",
    note: "A fresh process each time, files in the page cache.",
  },
  memory: {
    ...train,
    title: "Peak resident memory of a train run",
    contenders: ["ddpm", "torch", "tfjs"],
    ask: { do: "train", steps: 5 },
    measure: "memory",
    note: "A fresh process of 5 steps each time; VmHWM.",
  },
} as const satisfies Record<string, Section>;

export type SectionName = keyof typeof sections;

/** All but `compile`, whose warm-up takes minutes. */
export const usual = Object.keys(sections).filter((name) => name !== "compile") as SectionName[];
