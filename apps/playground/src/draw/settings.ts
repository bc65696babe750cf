import type { Settings, Start } from "../protocol.ts";

/** What the form says, for pictures of these labels that begin so. */
export function settingsOf(form: HTMLFormElement, { labels, guidance }: Pick<Settings, "labels" | "guidance">, start: Start): Settings {
  const data = new FormData(form);
  const number = (name: string): number | undefined => (data.get(name) ? Number(data.get(name)) : undefined);
  return {
    sampler: data.get("sampler") as Settings["sampler"],
    steps: number("steps"),
    eta: number("eta") ?? 0,
    labels,
    guidance,
    seed: number("seed") ?? 0,
    start,
    clip: data.get("clip") === "yes",
    device: String(data.get("device")),
  };
}
