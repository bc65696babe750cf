import { register } from "tsx/esm/api";

register();
const { main, watchFaults } = await import("../src/main.ts");
watchFaults();
process.exitCode = await main(process.argv.slice(2));
