/** What pages quote of the sources: declarations found by name, so that no page shows what is no longer there. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseSync } from "oxc-parser";
import { root } from "./repository.ts";

export interface Quote {
  /** Of its first line in the file, from 1. */
  readonly line: number;
  /** Whole lines, indented as if they stood alone. */
  readonly code: string;
}

/** Texts of the first and the last line to quote; one line alone where both are in it. */
export interface Part {
  readonly from: string;
  readonly to: string;
}

/** Lines of a file, from 0, the end excluded. */
interface Lines {
  readonly first: number;
  readonly end: number;
}

interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [property: string]: unknown;
}

/**
 * The lines of a declaration in a file of the repository, with the comment above it, or a part of them. `outer.inner` is declared within another. Throws an
 * Error where there is no such declaration, more than one, or no such part.
 */
export function quote(path: string, name: string, part?: Part): Quote {
  const source = readFileSync(join(root, path), "utf8");
  const program = parseSync(path, source).program as unknown as Node;
  const { start, end } = name.split(".").reduce((within, inner) => declaration(within, inner, path), program);
  const lines = source.split("\n");
  const whole = { first: lineAt(source, start), end: lineAt(source, end) + 1 };
  const { first, end: last } = part ? narrowed(lines, whole, part, `${name} in ${path}`) : { ...whole, first: commentAbove(lines, whole.first) };
  return { line: first + 1, code: dedented(lines.slice(first, last)) };
}

/** The least deep declaration of a name within a node. */
function declaration(within: Node, name: string, path: string): Node {
  for (let level = childrenOf(within); level.length > 0; level = level.flatMap(childrenOf)) {
    const [found, another] = level.filter((node) => nameOf(node) === name);
    if (another) throw new Error(`Expected one declaration of ${name} in ${path} but found more; name what it is declared within, as outer.${name}`);
    if (found) return found;
  }
  throw new Error(`Expected a declaration of ${name} in ${path} but found none; name one that is there`);
}

const childrenOf = (node: Node): Node[] => Object.values(node).flat().filter(isNode);

const isNode = (value: unknown): value is Node => typeof value === "object" && value !== null && "type" in value && "start" in value;

/** Under which property a node that declares a name has it. */
const naming: Readonly<Record<string, string>> = {
  FunctionDeclaration: "id",
  ClassDeclaration: "id",
  VariableDeclarator: "id",
  TSInterfaceDeclaration: "id",
  TSTypeAliasDeclaration: "id",
  Property: "key",
  PropertyDefinition: "key",
  MethodDefinition: "key",
  TSPropertySignature: "key",
};

function nameOf(node: Node): unknown {
  const named = node[naming[node.type] ?? ""];
  if (!isNode(named) || node["shorthand"] === true) return undefined;
  return named["name"] ?? named["value"];
}

const lineAt = (source: string, position: number): number => source.slice(0, position).split("\n").length - 1;

/** The first line of the comment that ends just above a line, or the line itself. */
function commentAbove(lines: readonly string[], line: number): number {
  if (!lines[line - 1]?.endsWith("*/")) return line;
  return lines.slice(0, line).findLastIndex((text) => text.trimStart().startsWith("/**"));
}

function narrowed(lines: readonly string[], { first, end }: Lines, { from, to }: Part, where: string): Lines {
  const find = (text: string, after: number): number => {
    const line = lines.slice(0, end).findIndex((line, i) => i >= after && line.includes(text));
    if (line < 0) throw new Error(`Expected a line with ${text} in ${where} but found none; quote what is there`);
    return line;
  };
  const start = find(from, first);
  return { first: start, end: find(to, start) + 1 };
}

function dedented(lines: readonly string[]): string {
  const indent = Math.min(...lines.filter((line) => line !== "").map((line) => line.search(/\S/)));
  return lines.map((line) => line.slice(indent)).join("\n");
}
