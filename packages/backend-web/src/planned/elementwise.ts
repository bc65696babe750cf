import type { Op, Ops } from "@ddpm/core";
import type { Shader } from "./shader.ts";

type Formula<O extends Op> = (x: readonly string[], attrs: Ops[O], shader: Shader) => string;

/** Ops on four channels at once, each as GLSL. */
export const formulas: { readonly [O in Op]?: Formula<O> } = {
  add: ([a, b]) => `${a} + ${b}`,
  sub: ([a, b]) => `${a} - ${b}`,
  mul: ([a, b]) => `${a} * ${b}`,
  div: ([a, b]) => `${a} / ${b}`,
  addN: (x) => x.join(" + "),
  neg: ([a]) => `-${a}`,
  exp: ([a]) => `exp(${a})`,
  sqrt: ([a]) => `sqrt(${a})`,
  rsqrt: ([a]) => `inversesqrt(${a})`,
  erf: ([a], _, shader) => {
    shader.define(erf);
    return `erf(${a})`;
  },
  sigmoid: ([a]) => `1. / (1. + exp(-${a}))`,
  abs: ([a]) => `abs(${a})`,
  sign: ([a]) => `sign(${a})`,
  clip: ([a], { low, high }) => `clamp(${a}, ${float(low)}, ${float(high)})`,
  biasAdd: ([a, b]) => `${a} + ${b}`,
};

/** Composites of one argument, likewise. */
export const activations: Readonly<Record<string, (a: string, shader: Shader) => string>> = {
  silu: (a) => `${a} / (1. + exp(-${a}))`,
  gelu: (a, shader) => {
    shader.define(erf);
    return `.5 * ${a} * (1. + erf(${a} * ${float(Math.SQRT1_2)}))`;
  },
};

/** A number as GLSL writes it. */
export const float = (x: number): string => x.toExponential(9);

/** Abramowitz and Stegun 7.1.26, exact to 1.5e-7. */
const erf = `vec4 erf(vec4 x) {
  vec4 z = abs(x), t = 1. / (1. + .3275911 * z);
  vec4 series = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - .284496736) * t + .254829592) * t;
  return sign(x) * (1. - series * exp(-z * z));
}`;
