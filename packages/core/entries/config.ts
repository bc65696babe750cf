/** The configuration's keys: types, defaults, help and checks, for flags, forms and files. */
export * from "../src/config.ts";
export { nearest, oneOf } from "../src/names.ts";
export * from "../src/warnings.ts";
