import { once } from "node:events";
import { createReadStream } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { basename } from "node:path";
import { type Command, InvalidArgumentError, Option } from "commander";
import open from "open";
import sirv from "sirv";
import { builtPage, pagePolicy } from "../built-page.ts";
import { readCheckpoint } from "../checkpoint-file.ts";

interface Options {
  readonly checkpoint?: string;
  readonly port: number;
  readonly open: boolean;
}

/** Where the page finds the checkpoint that it was opened with. */
const checkpointRoute = "checkpoint/";

export function playgroundCommand(program: Command): void {
  program
    .command("playground")
    .description("Serve the page that draws in the browser, to this machine only, and open it; Ctrl-C ends it")
    .option("--checkpoint <file|dir>", "a .safetensors file or a run folder to draw with")
    .addOption(new Option("--port <n>", "port of localhost; 0 takes a free one").argParser(port).default(5100))
    .option("--no-open", "only print the address")
    .action(playground);
}

async function playground({ checkpoint, port, open: opens }: Options): Promise<void> {
  const path = checkpoint === undefined ? undefined : await pathOf(checkpoint);
  const server = createServer(pages(await builtPage(), path));
  server.listen(port, "127.0.0.1");
  await once(server, "listening").catch((error: Error) => {
    throw new Error(`Expected to serve on port ${port} but found ${error.message}; choose another --port`, { cause: error });
  });
  const query = path ? `?checkpoint=${checkpointRoute}${encodeURIComponent(basename(path))}` : "";
  const address = `http://localhost:${(server.address() as AddressInfo).port}/${query}`;
  process.stdout.write(`The playground is at ${address}\n`);
  if (opens) await open(address).catch(() => process.stderr.write("No browser could be opened: open the address by hand\n"));
  await once(server, "close");
}

/** The file of a checkpoint that a page can open. Throws a TypeError for one without a configuration in it. */
async function pathOf(checkpoint: string): Promise<string> {
  const { path, step } = await readCheckpoint(checkpoint);
  if (step !== undefined) return path;
  throw new TypeError(`Expected a checkpoint with its configuration for a page but found none in ${path}; write one with ddpm convert`);
}

const headers = () => ({
  // the page's own policy, which its workers and what else is served keep too; and no other page may show it within itself
  "content-security-policy": [...pagePolicy(), "frame-ancestors 'none'"].join("; "),
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
});

/** Names of this machine for itself. Another name that leads here is of a page that wants to read what is served (DNS rebinding). */
const ownNames = ["localhost", "127.0.0.1"];

/** Serves the page's own files, and the one checkpoint, to pages of its own. */
function pages(folder: string, checkpoint: string | undefined): RequestListener {
  const own = sirv(folder, { dev: true });
  const all = Object.entries(headers());
  const wanted = checkpoint && `/${checkpointRoute}${encodeURIComponent(basename(checkpoint))}`;
  return (request, response) => {
    for (const [name, value] of all) response.setHeader(name, value);
    if (!ownNames.includes(request.headers.host?.replace(/:\d+$/, "") ?? "")) return void response.writeHead(421).end();
    if (request.method !== "GET" && request.method !== "HEAD") return void response.writeHead(405, { allow: "GET, HEAD" }).end();
    if (checkpoint && request.url === wanted) createReadStream(checkpoint).pipe(response);
    else own(request, response, () => void response.writeHead(404).end());
  };
}

function port(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0 || value > 65535) throw new InvalidArgumentError("Expected a port in [0, 65535]");
  return value;
}
