/** What the backends share that run core's graphs on a device: the port's types are in mod.ts. */
export { checkedRoots, checkNames, checkState, checkValues, inputsOf, variablesOf } from "../src/backend.ts";
export { coefficientNames } from "../src/sampler.ts";
