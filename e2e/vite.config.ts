import { createReadStream, existsSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { defineConfig, type Plugin } from "vite";

const wasm = dirname(createRequire(import.meta.resolve("@ddpm/backend-web")).resolve("@tensorflow/tfjs-backend-wasm"));

/** Serves files of folders outside the page's own, by name. */
const serve = (path: string, folder: string): Plugin => ({
  name: `serve ${path}`,
  configureServer({ middlewares }) {
    middlewares.use(path, (request, response, next) => {
      const file = join(folder, basename(request.url ?? ""));
      if (!existsSync(file)) return next();
      response.setHeader("content-type", file.endsWith(".wasm") ? "application/wasm" : "application/octet-stream");
      createReadStream(file).pipe(response);
    });
  },
});

export default defineConfig({
  plugins: [serve("/wasm", wasm), serve("/golden", new URL("../packages/core/fixtures", import.meta.url).pathname)],
  server: { port: 5179, strictPort: true },
});
