// The sources as they are: nothing has to be built
import { register } from "tsx/esm/api";

register();
export const { main, watchFaults } = await import("../src/main.ts");
