import type { Backend } from "@ddpm/core";
import { Interrupted, type Interruption } from "../interrupt.ts";

/**
 * Between steps of work that workers share: throws an Interrupted after a signal to the first worker, or the only one, and where another has passed one on;
 * the others pass theirs on. Throws a WorkersParted where the workers are no longer together.
 */
export function stopIfAsked({ workers }: Backend, { requested }: Interruption): void {
  workers?.check();
  if (workers && workers.rank > 0) {
    if (requested) workers.askToStop();
    return;
  }
  const signal = requested ?? (workers?.stopAsked ? "SIGTERM" : undefined);
  if (signal) throw new Interrupted("Stopped", signal);
}
