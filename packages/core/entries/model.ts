/** The U-Net, and the scope that names the parameters of any model. */
export { type AnnotatedUNet, annotatedUnet } from "../src/annotated-unet.ts";
export * from "../src/architecture.ts";
export { type DdpmUNet, ddpmUnet } from "../src/ddpm-unet.ts";
export { type ModelOptions, model } from "../src/model.ts";
export type { Dropout } from "../src/nn.ts";
export * from "../src/scope.ts";
export * from "../src/unet.ts";
