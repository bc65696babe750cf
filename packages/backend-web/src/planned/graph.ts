// A graph as a planner sees it: composites that it knows are nodes, with their arguments as inputs
import type { Composite, Shape, Tensor } from "@ddpm/core/graph";

/** A graph is not one that runs in a few passes; the message says what in it is not. */
export class NoPlan extends Error {}

const composites = ["silu", "gelu", "groupNorm", "pointwise", "attention", "linearAttention"] as const;
type CompositeName = (typeof composites)[number];
export type NodeName = Exclude<Tensor["op"], "composite" | "stop"> | CompositeName;

const isComposite = (node: Tensor): node is Tensor<"composite"> => node.op === "composite";
const isKnown = (node: Tensor): boolean => isComposite(node) && (composites as readonly string[]).includes(node.attrs.name);

/** The node that computes a value. */
export const resolve = (node: Tensor): Tensor => (node.op === "stop" || (isComposite(node) && !isKnown(node)) ? resolve(node.inputs[0]!) : node);

/** What kind of node a resolved one is: of a composite its name, else its op. */
export const nameOf = (node: Tensor): NodeName => (isComposite(node) ? node.attrs.name : node.op) as NodeName;

/** Groups of a normalisation, and what it adds to variances. */
export const groupingOf = (node: Tensor): { readonly groups: number; readonly eps: number } =>
  node.attrs as Extract<Composite, { readonly groups: number }>;

/** Heads of an attention. */
export const headsOf = (node: Tensor): number => (node.attrs as Extract<Composite, { readonly heads: number }>).heads;

/** What a resolved node is computed from. */
export const argumentsOf = (node: Tensor): Tensor[] => (isComposite(node) ? node.inputs.slice(1) : node.inputs).map(resolve);

/** Whether a shape is that of images rather than of numbers beside them. */
export const isImage = (shape: Shape): boolean => shape.length === 4 && shape[1]! * shape[2]! > 1;

/** What stands for a node in a message. */
export const described = (node: Tensor): string => `${nameOf(node)}${node.path && ` of ${node.path}`}`;
