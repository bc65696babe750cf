/** Images that a line of text names. */
const shown = 3;

export interface BrokenOptions {
  /** Whether the first is an error. */
  readonly strict?: boolean | undefined;
  /** What that error says to do. */
  readonly advice?: string;
}

/** Which images could not be read, and why. */
export class BrokenImages {
  readonly #strict: boolean;
  readonly #advice: string;
  /** Reasons by title, in the order in which they were found. */
  readonly #reasons = new Map<string, string>();

  constructor({ strict = false, advice = "leave out --strict to go on without it" }: BrokenOptions = {}) {
    this.#strict = strict;
    this.#advice = advice;
  }

  get count(): number {
    return this.#reasons.size;
  }

  has(title: string): boolean {
    return this.#reasons.has(title);
  }

  /** Counts an image once, however often it fails. Throws a SyntaxError that names it where that is asked for. */
  add(title: string, { message }: Error): undefined {
    const reason = message.trim().split("\n")[0]!;
    if (this.#strict) throw new SyntaxError(`Expected an image at ${title} but found ${reason}; ${this.#advice}`);
    if (!this.has(title)) this.#reasons.set(title, reason);
  }

  /** All of them, each as its title with what is wrong. */
  lines(): string[] {
    return Array.from(this.#reasons, ([title, reason]) => `${title} (${reason})`);
  }

  /** The first few with what is wrong, and how many more. */
  toString(): string {
    const more = this.count - shown;
    return [...this.lines().slice(0, shown), ...(more > 0 ? [`${more} more, which ddpm data inspect names`] : [])].join(", ");
  }
}
