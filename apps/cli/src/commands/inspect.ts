import { size } from "@ddpm/core/graph";
import type { Command } from "commander";
import { type CheckpointBytes, checkpointBytes, decoded } from "../checkpoint-file.ts";

export function inspectCommand(program: Command): void {
  program
    .command("inspect <file|dir>")
    .description("Show what a checkpoint holds: configuration, parameters, shapes")
    .option("--json", "for machines")
    .action(async (place: string, { json }: { json?: true }) => {
      const facts = inspect(await checkpointBytes(place));
      process.stdout.write(json ? `${JSON.stringify(facts)}\n` : describe(facts));
    });
}

function inspect(read: CheckpointBytes) {
  const { path, folder } = read;
  try {
    const { tensors, metadata } = decoded(read);
    const shapes = Object.fromEntries([...tensors].map(([name, { shape }]) => [name, shape]));
    return {
      path,
      parameters: Object.values(shapes).reduce((n, shape) => n + size(shape), 0),
      ddpm: metadata["ddpm"] === undefined ? (folder?.told() ?? null) : (JSON.parse(metadata["ddpm"]) as unknown),
      shapes,
    };
  } catch (error) {
    throw new SyntaxError(`${path}: ${(error as Error).message}`, { cause: error });
  }
}

function describe({ path, parameters, ddpm, shapes }: ReturnType<typeof inspect>): string {
  const width = Math.max(...Object.keys(shapes).map((name) => name.length));
  return [
    path,
    `${parameters.toLocaleString("en")} parameters in ${Object.keys(shapes).length} tensors`,
    ddpm === null ? "no configuration: the file comes from elsewhere" : JSON.stringify(ddpm, undefined, 2),
    ...Object.entries(shapes).map(([name, shape]) => `${name.padEnd(width)}  [${shape.join(", ")}]`),
    "",
  ].join("\n");
}
