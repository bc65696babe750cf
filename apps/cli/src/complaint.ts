import { WorkersParted } from "@ddpm/backend-node";
import { CommanderError } from "commander";
import { Interrupted } from "./interrupt.ts";
import { UsageError } from "./usage-error.ts";
import { version } from "./version.ts";
import { EndedInside } from "./workers/network.ts";

/** What a person is told of an error, and what the program ends with: 0 success, 1 failure, 2 wrong usage, 130 after Ctrl-C, 143 after SIGTERM. */
export interface Complaint {
  readonly text: string;
  readonly code: number;
}

/**
 * The complaint of anything that was thrown. Errors of ours say what was expected, and TensorFlow's begin with its name; any other that the system
 * does not raise is a fault of the program, which asks for a report. No stack is shown unless `debug`.
 */
export function complaintOf(error: unknown, debug = Boolean(process.env["DDPM_DEBUG"])): Complaint {
  if (error instanceof CommanderError) return { text: "", code: error.exitCode === 0 ? 0 : 2 }; // it has said so itself
  if (error instanceof EndedInside) return { text: "", code: error.code };
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  const trace = debug ? `${stack}\n` : "";
  const said = (text: string, code: number): Complaint => ({ text: `ddpm: ${text}\n${trace}`, code });
  if (error instanceof Interrupted) return said(message, error.code);
  if (error instanceof WorkersParted && error.lost === undefined) return said(message, 143);
  if (error instanceof UsageError) return said(message, 2);
  if (/(^|: )Expected |^TensorFlow: /.test(message)) return said(message, 1);
  if (isOfSystem(error)) return said(`Expected to read and write files but found ${message}; check the path, its permissions and the disk's room`, 1);
  const platform = `ddpm ${version}, Node ${process.version} on ${process.platform} ${process.arch}`;
  return said(
    `Internal error, a fault of ddpm's: ${message.split("\n")[0]} (${platform}); please report it with the command and what it says with DDPM_DEBUG=1`,
    1,
  );
}

/** Whether an error is one that the operating system raised, with a code and the call that failed. */
const isOfSystem = (error: unknown): boolean => error instanceof Error && "code" in error && "syscall" in error;
