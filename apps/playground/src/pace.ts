/** How fast steps come. The clock begins with the first step, since what is before it is warm-up. */
export class Pace {
  #first: number | undefined;
  #latest = 0;
  #steps = 0;
  #pausedAt: number | undefined;

  step(): void {
    this.#latest = performance.now();
    this.#first ??= this.#latest;
    this.#steps++;
  }

  /** Stops the clock or lets it go on. */
  pause(paused: boolean): void {
    const now = performance.now();
    if (!paused && this.#pausedAt !== undefined && this.#first !== undefined) this.#first += now - this.#pausedAt;
    this.#pausedAt = paused ? now : undefined;
  }

  /** Steps a second; unknown before the second step. */
  get perSecond(): number | undefined {
    const seconds = (this.#latest - (this.#first ?? this.#latest)) / 1000;
    return seconds > 0 ? (this.#steps - 1) / seconds : undefined;
  }

  /** How long `steps` more will take, for people. */
  left(steps: number): string {
    return this.perSecond === undefined ? "" : `, ${duration(steps / this.perSecond)} left`;
  }
}

function duration(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}
