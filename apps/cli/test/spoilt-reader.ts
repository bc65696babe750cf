// Reads spoilt files, one after another, in a process of its own: tells of each before it is read and what came of it.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mutated, random } from "@ddpm/torture/mutation";
import { complaintOf } from "../src/complaint.ts";
import { readers } from "./readers.ts";

const [name, seed, first, last] = [process.argv[2]!, ...process.argv.slice(3).map(Number)] as [string, number, number, number];
const reader = (await readers())[name]!;
const folder = mkdtempSync(join(tmpdir(), "ddpm-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
const tell = (message: object): Promise<void> => new Promise((resolve) => process.send!(message, () => resolve()));

for (const file of reader.files) await reader.read(file, folder); // as they are, they are taken
for (let input = first; input < last; input++) {
  const draw = random(seed, input);
  const bytes = (reader.spoil ?? mutated)(reader.files, draw);
  await tell({ reads: input });
  let outcome = "read";
  try {
    await reader.read(bytes, folder);
  } catch (error) {
    const { text } = complaintOf(error);
    outcome = /Internal error/.test(text) ? (error as Error).stack! : "refused";
  }
  await tell({ input, outcome, resident: process.memoryUsage().rss });
}
process.exit();
