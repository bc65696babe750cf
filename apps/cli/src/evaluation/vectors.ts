/** Features of images: so many numbers each, one image after the other. */
export interface Vectors {
  readonly values: Float32Array;
  readonly size: number;
}

export const rowsOf = ({ values, size }: Vectors): number => values.length / size;

/** Several after one another. */
export function joined(parts: readonly Float32Array[], size: number): Vectors {
  const values = new Float32Array(parts.reduce((n, { length }) => n + length, 0));
  let at = 0;
  for (const part of parts) {
    values.set(part, at);
    at += part.length;
  }
  return { values, size };
}
