import { execFileSync } from "node:child_process";

/** Runs the command line as a person would. */
export const cli = (...args: string[]): void => void execFileSync("node_modules/.bin/ddpm", args, { stdio: "ignore" });

/** Flags of a model that trains in a moment: shapes of 16×16, without sheets of samples. */
export const small = ["--data", "shapes", "--preset", "tiny", "--data.height", "16", "--data.width", "16", "--train.sampleEvery", "1000"];
