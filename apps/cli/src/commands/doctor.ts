import { diagnose, type Finding } from "@ddpm/backend-node";
import type { Command } from "commander";
import { version } from "../version.ts";

interface Options {
  readonly cuda?: true;
  readonly json?: true;
  readonly out?: string;
}

const marks: { readonly [L in Finding["level"]]: string } = { ok: "ok", note: "·", warning: "!", fault: "✗" };

export function doctorCommand(program: Command): void {
  program
    .command("doctor")
    .description("Show what is installed, what is missing, and the command that mends it; ends with 0 only where training works")
    .option("--cuda", "ask for a GPU: what stops one is a fault, not a warning")
    .option("--out <dir>", "the folder that a run is to be written to")
    .option("--json", "for machines and bug reports")
    .action(doctor);
}

async function doctor({ cuda, json, out }: Options): Promise<void> {
  const findings = await diagnose({ ...(cuda && { cuda }), ...(out !== undefined && { out }) });
  const isOk = findings.every(({ level }) => level !== "fault");
  if (json) process.stdout.write(`${JSON.stringify({ ddpm: version, ok: isOk, findings })}\n`);
  else for (const finding of findings) process.stdout.write(line(finding));
  if (!isOk)
    throw new Error(
      `Expected a machine that trains but found faults; mend what is marked ${json ? "fault" : marks.fault} and run npx ddpm doctor again`,
    );
  if (!json)
    process.stdout.write(
      `\n${findings.some(({ level }) => level === "warning") ? `Training works; what is marked ${marks.warning} could be better` : "Training works"}\n`,
    );
}

const line = ({ what, level, found, remedy }: Finding): string =>
  `${marks[level].padEnd(3)}${what.padEnd(14)}${found}${remedy ? `\n${" ".repeat(17)}→ ${remedy}` : ""}\n`;
