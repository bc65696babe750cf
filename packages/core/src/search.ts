/** The index of the first of rising numbers that is above x, or their count. */
export function firstAbove(rising: ArrayLike<number>, x: number): number {
  let [low, high] = [0, rising.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (rising[middle]! > x) high = middle;
    else low = middle + 1;
  }
  return low;
}
