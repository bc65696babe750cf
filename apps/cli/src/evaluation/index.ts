/** What the workspace reads evaluations with. */
export { jsonOf } from "../json.ts";
export { type Estimate, type Evaluation, estimate, evaluationFile, evaluationOf, point } from "./evaluation.ts";
export { rounded } from "./told.ts";
