/** At most `most` whole numbers, evenly from `first` to `last`, both among them; the last alone where `most` is 1. */
export function evenNumbers(first: number, last: number, most: number): number[] {
  const count = Math.min(most, last - first + 1);
  return Array.from({ length: count }, (_, i) => last - Math.round(((count - 1 - i) * (last - first)) / Math.max(count - 1, 1)));
}
