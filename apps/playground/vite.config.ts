import { defineConfig, type Plugin } from "vite";
import policy from "./policy.json" with { type: "json" };

/**
 * What the built page may do, wherever it is hosted: run and reach what is its own, and fetch checkpoints that one names by https; no code may come from
 * elsewhere or from a text (`wasm-unsafe-eval` allows WebAssembly, not eval).
 */
const contentSecurityPolicy: Plugin = {
  name: "content-security-policy",
  apply: "build",
  transformIndexHtml: () => [
    { tag: "meta", attrs: { "http-equiv": "Content-Security-Policy", content: policy.join("; ") }, injectTo: "head-prepend" },
  ],
};

export default defineConfig({
  base: "./",
  worker: { format: "es" },
  build: { target: "es2022" },
  plugins: [contentSecurityPolicy],
});
