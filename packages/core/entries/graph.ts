/** Tensors as nodes of a graph, their gradients and, in plain float64, their values. */
export { gradients } from "../src/gradient.ts";
export { evaluate } from "../src/reference.ts";
export * from "../src/tensor.ts";
