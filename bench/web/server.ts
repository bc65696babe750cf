import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { basename, dirname, extname, join } from "node:path";
import { build } from "esbuild";

const require = createRequire(import.meta.url);
const packageFile = (name: string) => dirname(require.resolve(name));

/** Isolation from other origins gives WebAssembly its threads. */
const headers = { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp", "Cache-Control": "no-store" };
const types: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
};

const html = `<!doctype html><meta charset="utf-8"><title>bench</title><link rel="icon" href="data:,"><script type="module" src="/page.js"></script>`;

export interface Server extends AsyncDisposable {
  readonly url: string;
}

/** Serves the page and what its contenders load; `folder` holds model.onnx, if there is one, which `runtime` runs. */
export async function serve(folder: string, runtime?: string): Promise<Server> {
  const pages: Readonly<Record<string, string>> = { "/": html, "/page.js": await bundle() };
  const folders: Readonly<Record<string, string>> = {
    "/": folder,
    "/tfjs-wasm": packageFile("@tensorflow/tfjs-backend-wasm"),
    ...(runtime && { "/ort": runtime }),
  };
  const content = async (path: string) => pages[path] ?? readFile(join(folders[dirname(path)] ?? folder, basename(path)));
  const server = createServer(({ url = "/" }, response) => {
    content(url).then(
      (body) => response.writeHead(200, { ...headers, "Content-Type": types[extname(url) || ".html"] ?? "application/octet-stream" }).end(body),
      () => response.writeHead(404, headers).end(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "localhost", resolve));
  return {
    url: `http://localhost:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => void server.close(),
  };
}

/** The page's code in one file, so that nothing is loaded while a clock runs; not minified, since tfjs gives the text of functions to its threads. */
async function bundle(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(import.meta.dirname, "page/main.ts")],
    bundle: true,
    write: false,
    format: "esm",
    target: "es2022",
    logLevel: "warning",
  });
  return outputFiles[0]!.text;
}
