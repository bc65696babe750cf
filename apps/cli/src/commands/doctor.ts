import { diagnose } from "@ddpm/backend-node";
import type { Command } from "commander";

export function doctorCommand(program: Command): void {
  program
    .command("doctor")
    .description("Show what is installed, what is missing, and the command that mends it")
    .option("--json", "for machines")
    .action(async ({ json }: { json?: true }) => {
      const findings = await diagnose();
      if (json) process.stdout.write(`${JSON.stringify(findings)}\n`);
      else
        for (const { what, found, remedy } of findings)
          process.stdout.write(`${what.padEnd(12)}${found}${remedy ? `\n${" ".repeat(12)}→ ${remedy}` : ""}\n`);
    });
}
