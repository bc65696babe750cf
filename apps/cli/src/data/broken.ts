/** Names that are kept of images that could not be read. */
const named = 3;

/** Which images could not be read, and how many. With `strict` the first is an error. */
export class BrokenImages {
  readonly #strict: boolean;
  readonly #titles = new Set<string>();
  readonly #first: string[] = [];

  constructor({ strict = false }: { readonly strict?: boolean | undefined } = {}) {
    this.#strict = strict;
  }

  get count(): number {
    return this.#titles.size;
  }

  /** Counts an image once, however often it fails. Throws a SyntaxError that names it where that is asked for. */
  add(title: string, { message }: Error): undefined {
    const reason = message.trim().split("\n")[0];
    if (this.#strict) throw new SyntaxError(`Expected an image at ${title} but found ${reason}; leave out --strict to go on without it`);
    if (this.#titles.has(title)) return;
    this.#titles.add(title);
    if (this.#first.length < named) this.#first.push(`${title} (${reason})`);
  }

  /** The first few with what is wrong, and how many more. */
  toString(): string {
    const more = this.count - this.#first.length;
    return [...this.#first, ...(more > 0 ? [`${more} more`] : [])].join(", ");
  }
}
