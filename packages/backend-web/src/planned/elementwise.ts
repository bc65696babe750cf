import { type NodeName, NoPlan } from "./graph.ts";
import type { Shader } from "./shader.ts";

/** GLSL for four channels at once from names of its inputs. */
export type Formula = (x: readonly string[], attrs: unknown, shader: Shader) => string;

export const formulas: { readonly [N in NodeName]?: Formula } = {
  add: ([a, b]) => `${a} + ${b}`,
  sub: ([a, b]) => `${a} - ${b}`,
  mul: ([a, b]) => `${a} * ${b}`,
  div: ([a, b]) => `${a} / ${b}`,
  addN: (x) => x.join(" + "),
  neg: ([a]) => `-${a}`,
  exp: ([a]) => `exp(${a})`,
  log: ([a]) => `log(${a})`,
  sqrt: ([a]) => `sqrt(${a})`,
  rsqrt: ([a]) => `inversesqrt(${a})`,
  erf: ([a], _, shader) => erf(`${a}`, shader),
  sigmoid: ([a]) => `1. / (1. + exp(-${a}))`,
  abs: ([a]) => `abs(${a})`,
  sign: ([a]) => `sign(${a})`,
  clip: ([a], attrs) => {
    const { low, high } = attrs as { low: number; high: number };
    return `clamp(${a}, ${float(low)}, ${float(high)})`;
  },
  biasAdd: ([a, b]) => `${a} + ${b}`,
  silu: ([a]) => `${a} / (1. + exp(-${a}))`,
  gelu: ([a], _, shader) => `.5 * ${a} * (1. + ${erf(`${a} * ${float(Math.SQRT1_2)}`, shader)})`,
};

/** A number as GLSL writes it. Throws NoPlan for one that it cannot. */
export function float(x: number): string {
  if (!Number.isFinite(x)) throw new NoPlan(`it has the constant ${x}`);
  return x.toExponential(9);
}

/** Abramowitz and Stegun 7.1.26, exact to 1.5e-7. */
function erf(x: string, shader: Shader): string {
  shader.define(`vec4 erf(vec4 x) {
  vec4 z = abs(x), t = 1. / (1. + .3275911 * z);
  vec4 series = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - .284496736) * t + .254829592) * t;
  return sign(x) * (1. - series * exp(-z * z));
}`);
  return `erf(${x})`;
}
