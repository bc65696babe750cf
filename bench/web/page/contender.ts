/** One forward pass of x [images, 28, 28, 1], all at timestep t: the prediction, read back. */
export type Forward = (x: Float32Array, t: number) => Promise<ArrayLike<number>>;

export interface Started {
  readonly forward: Forward;
  /** Threads of WebAssembly. */
  readonly threads?: number;
}

/** Makes the device ready; until then a contender has only its code and weights in memory. */
export type Start = () => Promise<Started>;
