/** Where the workers of one machine meet. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";

/** Set where a process is in a network of its own. */
const mark = "DDPM_SEALED";

/** What makes a network that has nothing but a loopback, for a program and all that it starts; util-linux and iproute2. */
const seal = ["unshare", "--user", "--map-root-user", "--net", "sh", "-c", 'ip link set lo up && exec "$0" "$@"'] as const;

/** Whether this process is in a network of its own, which no other process reaches. */
export const sealed = (): boolean => process.env[mark] === "1";

/** A program that was run in place of this one has failed and has said why. */
export class EndedInside extends Error {
  readonly code: number;

  constructor(code: number) {
    super(`ended with code ${code}`);
    this.code = code;
  }
}

/** Why the system gives programs no network of their own; undefined where it does. */
export function refusalToSeal(): string | undefined {
  const [program, ...options] = seal;
  const { status, stderr, error } = spawnSync(program, [...options, "true"], { encoding: "utf8" });
  return status === 0 ? undefined : (error?.message ?? stderr.trim());
}

/**
 * Runs a command line in a network of its own, since TensorFlow's servers listen on every interface there is and ask nobody who they are. Throws
 * EndedInside where the command fails.
 */
export async function sealWith(command: readonly string[]): Promise<void> {
  const [program, ...options] = seal;
  const child = spawn(program, [...options, ...command], { stdio: "inherit", env: { ...process.env, [mark]: "1" } });
  const pass = (signal: NodeJS.Signals): void => void child.kill(signal);
  const heard = (): void => {}; // the terminal tells the child too
  process.on("SIGINT", heard).on("SIGTERM", pass);
  const [code] = (await once(child, "exit")) as [number | null];
  process.off("SIGINT", heard).off("SIGTERM", pass);
  if (code !== 0) throw new EndedInside(code ?? 1);
}
