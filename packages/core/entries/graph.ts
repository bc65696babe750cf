/** Tensors as nodes of a graph, their gradients and, in plain float64, their values. */
export { gradients } from "../src/gradient.ts";
export type { Composite, Dtype, Op, Ops } from "../src/ops.ts";
export { evaluate } from "../src/reference.ts";
export { broadcast, type Shape, size } from "../src/shape.ts";
export { isSamePadding } from "../src/shape-rules.ts";
export * from "../src/tensor.ts";
