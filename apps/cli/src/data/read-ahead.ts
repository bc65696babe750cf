/** Batches that may be on their way at once. */
const depth = 4;

/** What steps `first` to `last` are fed, in order: up to four are being read while the first of them is used. */
export class ReadAhead<T> {
  readonly #read: (step: number) => Promise<T>;
  readonly #last: number;
  readonly #coming: Promise<T>[] = [];
  #step: number;

  constructor(read: (step: number) => Promise<T>, first: number, last: number) {
    this.#read = read;
    this.#step = first;
    this.#last = last;
  }

  /** The next step's. Rejects where reading it failed. */
  async next(): Promise<T> {
    if (this.#coming.length === 0) this.#begin();
    return this.#coming.shift()!;
  }

  /** Begins to read what is to come. */
  fill(): void {
    while (this.#step <= this.#last && this.#coming.length < depth) this.#begin();
  }

  #begin(): void {
    const coming = this.#read(this.#step++);
    coming.catch(() => {}); // `next` tells of it when it is its turn
    this.#coming.push(coming);
  }
}
