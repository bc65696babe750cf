import assert from "node:assert/strict";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, test } from "node:test";
import { bytesOf, checkSize, fetched } from "./opening.ts";

const servers: Server[] = [];
after(() => {
  for (const server of servers) server.close().closeAllConnections();
});

/** The address of a server that answers so. */
async function served(answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

test("what a server sends is read, with progress, whether it says its size or not", async () => {
  const said: string[] = [];
  const address = await served((request, response) => {
    if (request.url === "/sized") response.setHeader("content-length", 3_000_000);
    response.write(Buffer.alloc(1_000_000, 1));
    response.end(Buffer.alloc(2_000_000, 2));
  });
  for (const path of ["sized", "chunked"]) {
    const bytes = new Uint8Array(await fetched(address + path, 3_000_000, (soFar) => said.push(soFar)));
    assert.deepEqual([bytes.length, bytes[0], bytes[2_999_999]], [3_000_000, 1, 2]);
    assert.equal(said.at(-1), "3 MB");
  }
});

test("a moved checkpoint is followed", async () => {
  const address = await served((request, response) => {
    if (request.url === "/") response.writeHead(302, { location: "/there" });
    response.end("model");
  });
  assert.equal(new TextDecoder().decode(await fetched(address, 10, () => {})), "model");
});

const refused: [string, RequestListener, RegExp][] = [
  [
    "a status of failure",
    (_, response) => response.writeHead(404).end("none"),
    /^Error: Expected a checkpoint but found status 404 as the server's answer; check the address$/,
  ],
  ["no content", (_, response) => response.writeHead(204).end(), /^Error: Expected a checkpoint but found status 204/],
  [
    "a size beyond the bound, before a byte is read",
    (_, response) => response.writeHead(200, { "content-length": 2_000_000_000_000 }).write("a"),
    /^RangeError: Expected at most 1 MB but found 2,000,000 MB: too much for this page; choose a smaller one$/,
  ],
  [
    "bytes without end",
    (_, response) => {
      const send = (): unknown => response.destroyed || response.write(Buffer.alloc(100_000), () => setImmediate(send));
      send();
    },
    /^RangeError: Expected at most 1 MB but found more: too much for this page/,
  ],
  [
    "an end in the midst",
    (_, response) => {
      response.writeHead(200, { "content-length": 1_000_000 });
      response.write(Buffer.alloc(200_000), () => setTimeout(() => response.destroy(), 50));
    },
    /^Error: Expected all of a checkpoint but found an end after 0\.2 MB \(.+\); try again$/,
  ],
  [
    "redirects for ever",
    (_, response) => response.writeHead(302, { location: "/" }).end(),
    /^Error: Expected an answer from its server but found none/,
  ],
  [
    "a connection that closes",
    (_, response) => response.destroy(),
    /^Error: Expected an answer from its server but found none \(.+\); check the address; a server of another site must be reached by https and allow it \(CORS\)$/,
  ],
];
for (const [what, answer, message] of refused)
  test(`${what}: refused`, async () => {
    await assert.rejects(
      fetched(await served(answer), 1_000_000, () => {}),
      (error) => {
        assert.match(String(error), message);
        return true;
      },
    );
  });

test("files that are too large or cannot be read are refused", async () => {
  assert.throws(() => checkSize(new File([new Uint8Array(2_000_000)], "a"), 1_000_000), /Expected at most 1 MB but found 2 MB/);
  const gone = Object.assign(new File(["1"], "a"), { arrayBuffer: () => Promise.reject(new Error("a requested file could not be found")) });
  await assert.rejects(
    bytesOf(gone, 4),
    /Expected a file that can be read but found a requested file could not be found; choose it again, and no folder/,
  );
});
