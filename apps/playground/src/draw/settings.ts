import type { DrawingSettings } from "@ddpm/core";
import type { Settings, Start } from "../protocol.ts";

/** What to draw of which classes, how, and from what. */
interface Chosen extends Pick<Settings, "labels" | "guidance"> {
  readonly drawing: DrawingSettings;
  readonly start: Start;
}

/** What the form says besides. */
export function settingsOf(form: HTMLFormElement, { labels, guidance, drawing, start }: Chosen): Settings {
  const data = new FormData(form);
  const number = (name: string): number | undefined => (data.get(name) ? Number(data.get(name)) : undefined);
  return {
    drawing,
    steps: number("steps"),
    eta: number("eta") ?? 0,
    labels,
    guidance,
    seed: number("seed") ?? 0,
    start,
    device: String(data.get("device")),
  };
}
