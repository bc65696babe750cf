/** What is written at the ticks of a logarithmic axis, where there is room for it: uPlot's own rounds to thousandths, so that 0.0001 would be 0. */
export const logarithmicTicks = (_: unknown, splits: readonly (number | null)[]): string[] =>
  splits.map((y) => (y === null ? "" : Number(y.toPrecision(4)).toString()));
