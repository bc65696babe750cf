import { type GenericIssue, type GenericSchema, getDotPath, type InferOutput, safeParse } from "valibot";

/** Whose JSON it is, and what to do where it is otherwise. */
export interface JsonOrigin {
  readonly path: string;
  readonly advice: string;
}

/** What JSON holds. Throws a SyntaxError that names the file and the first part that is not as the schema has it. */
export function jsonOf<S extends GenericSchema>(schema: S, text: string, { path, advice }: JsonOrigin): InferOutput<S> {
  const result = safeParse(schema, parsed(text, { path, advice }));
  if (result.success) return result.output;
  const { expected, found } = faultOf(result.issues[0]);
  throw new SyntaxError(`${path}: Expected ${expected} but found ${found}; ${advice}`);
}

function parsed(text: string, { path, advice }: JsonOrigin): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new SyntaxError(`${path}: Expected a whole file of JSON but found a damaged one (${(cause as Error).message}); ${advice}`, { cause });
  }
}

function faultOf(issue: GenericIssue): { readonly expected: string; readonly found: string } {
  const [place, { expected, received: found, type }] = [getDotPath(issue), issue];
  if (type === "strict_object" && expected === "never") return { expected: `no ${place}`, found: "one" };
  if (type === "strict_object" && place !== null && expected !== "Object") return { expected: place, found: "none" };
  return { expected: `${place === null ? "" : `${place} to be `}${expected ?? type}`, found };
}
