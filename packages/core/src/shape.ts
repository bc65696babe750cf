/** Lengths of the axes of a tensor. */
export type Shape = readonly number[];

/** How many numbers a shape holds. */
export const size = (shape: Shape): number => shape.reduce((a, b) => a * b, 1);

/** The shape of an elementwise result: axes align at the end, and length 1 stretches. */
export function broadcast(a: Shape, b: Shape): Shape {
  const [long, short] = a.length >= b.length ? [a, b] : [b, a];
  return long.map((n, i) => {
    const m = short[i - long.length + short.length] ?? 1;
    if (n !== m && n !== 1 && m !== 1) throw new RangeError(`Cannot broadcast [${a}] with [${b}]`);
    return n === 1 ? m : n;
  });
}

/** Whether two shapes are the same. */
export const equal = (a: Shape, b: Shape): boolean => a.length === b.length && a.every((n, i) => n === b[i]);
