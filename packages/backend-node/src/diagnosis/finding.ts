/** One thing that was looked at. A `fault` stops training, a `warning` makes it worse or stops something else, a `note` is only told. */
export interface Finding {
  readonly what: string;
  readonly level: "ok" | "note" | "warning" | "fault";
  readonly found: string;
  /** What mends it: a command, or what to choose instead. */
  readonly remedy?: string;
}

export const ok = (what: string, found: string): Finding => ({ what, level: "ok", found });
export const note = (what: string, found: string, remedy?: string): Finding => ({ what, level: "note", found, ...(remedy && { remedy }) });
export const warning = (what: string, found: string, remedy: string): Finding => ({ what, level: "warning", found, remedy });
export const fault = (what: string, found: string, remedy: string): Finding => ({ what, level: "fault", found, remedy });
