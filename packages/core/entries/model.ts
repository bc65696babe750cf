/** The U-Net, and the scope that names the parameters of any model. */
export { type ModelOptions, model } from "../src/model.ts";
export type { Dropout } from "../src/nn.ts";
export * from "../src/scope.ts";
export * from "../src/unet.ts";
