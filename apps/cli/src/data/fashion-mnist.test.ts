import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { fashionMnist } from "./fashion-mnist.ts";
import { openDataset } from "./index.ts";

const root = await mkdtemp(join(tmpdir(), "ddpm-data-"));
after(() => rm(root, { recursive: true }));

const name = "train-images-idx3-ubyte";
const idx = Buffer.from([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 10, 20, 30, 40]);
const absent = join(root, "absent");
const unreached = "http://unreached.invalid";

/** A server of files, as good or as bad as `answer` is. */
async function serving(answer: (request: IncomingMessage, response: ServerResponse) => unknown): Promise<{ origin: string } & AsyncDisposable> {
  const server = createServer((request, response) => void answer(request, response)).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await promisify(server.close.bind(server))();
    },
  };
}

/** A new folder with one file. */
async function folderWith(file: string, content: Uint8Array): Promise<string> {
  const folder = await mkdtemp(join(root, "data-"));
  await writeFile(join(folder, file), content);
  return folder;
}

for (const [file, content] of [
  [name, idx],
  [`${name}.gz`, gzipSync(idx)],
] as const) {
  test(`openDataset() opens a folder that holds ${file}`, async () => {
    const data = await openDataset(await folderWith(file, content));
    assert.deepEqual([data.count, data.height, data.width, data.channels], [2, 1, 2, 1]);
    assert.deepEqual([...(await data.pixels(1, 0))], [30, 40]);
  });
}

test("openDataset() makes shapes of the size asked for", async () => {
  const { name, height, width, channels } = await openDataset("shapes", { height: 16, width: 20, channels: 3 });
  assert.deepEqual({ name, height, width, channels }, { name: "shapes", height: 16, width: 20, channels: 3 });
});

test("openDataset() names the choices", async () => {
  await assert.rejects(openDataset("fashion-minst"), {
    message: /^Expected fashion-mnist, shapes, or a path: .*, but found fashion-minst; did you mean fashion-mnist\?$/,
  });
  await assert.rejects(openDataset(await folderWith("other", idx)), {
    message: /^Expected images, parquet files, .* or train-images-idx3-ubyte in .* but found none; choose a folder with some$/,
  });
});

for (const [what, file, content, message] of [
  ["a corrupt gz", `${name}.gz`, gzipSync(idx).fill(0, 12, 16), /train-images-idx3-ubyte\.gz: .*; fetch it again$/],
  [
    "a truncated gz",
    `${name}.gz`,
    gzipSync(idx).subarray(0, 20),
    /\.gz: Expected an idx header of 16 bytes but found \d+ bytes: the file is truncated; fetch it again$/,
  ],
  ["an empty gz", `${name}.gz`, new Uint8Array(), /\.gz: Expected an idx file of bytes, .* but found nothing; choose such a file$/],
  ["no gz", `${name}.gz`, idx, /\.gz: Expected an idx file in gzip but found incorrect header check; fetch it again$/],
  ["a truncated idx", name, idx.subarray(0, -1), /train-images-idx3-ubyte: Expected 4 bytes .* but found 3/],
  [
    "labels",
    name,
    Buffer.of(0, 0, 8, 1, 0, 0, 0, 1, 7),
    /Expected images \[count, height, width\] in an idx file but found one of \[1\]; choose another/,
  ],
  ["images without pixels", name, Buffer.of(0, 0, 8, 3, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 2), /but found one of \[5, 0, 2\]; choose another/],
] as const) {
  test(`${what} in place of images is a SyntaxError that names the file`, async () => {
    await assert.rejects(openDataset(await folderWith(file, content)), { name: "SyntaxError", message });
  });
}

test("fashionMnist() prefers the cache, then the system's folder, and fetches neither", async () => {
  const [cache, installed] = [await folderWith(`${name}.gz`, gzipSync(idx)), await folderWith(`${name}.gz`, gzipSync(idx.with(16, 99)))];
  assert.equal((await fashionMnist("training", { cache, installed, origin: unreached })).pixels(0)[0], 10);
  assert.equal((await fashionMnist("training", { cache: absent, installed, origin: unreached })).pixels(0)[0], 99);
});

test("fashionMnist() offline says where to put the file and which package has it", async () => {
  await assert.rejects(fashionMnist("training", { cache: absent, installed: absent, origin: unreached }), {
    message:
      /found getaddrinfo .*unreached\.invalid; put train-labels-idx1-ubyte\.gz into .*absent, or on Debian: apt-get install dataset-fashion-mnist$/,
  });
});

const answers: Readonly<Record<string, readonly [(request: IncomingMessage, response: ServerResponse) => unknown, RegExp]>> = {
  "nothing of that name": [(_, response) => response.writeHead(404).end("no"), /but found status 404; put/],
  "an error": [(_, response) => response.writeHead(500).end(), /but found status 500; put/],
  "another file": [(_, response) => response.end(gzipSync(idx)), /with md5 25c81989df183df01b3e8a0aad5dffbe but found/],
  "no bytes": [(_, response) => response.end(), /with md5 25c81989df183df01b3e8a0aad5dffbe but found/],
  "a page of a portal that it leads to": [
    (request, response) => (request.url === "/portal" ? response.end("<html>") : response.writeHead(302, { location: "/portal" }).end()),
    /with md5 25c81989df183df01b3e8a0aad5dffbe but found/,
  ],
  "itself for ever": [(request, response) => response.writeHead(302, { location: request.url }).end(), /but found redirect count exceeded; put/],
  "a file cut short": [
    (_, response) => {
      response.writeHead(200, { "content-length": 1000 }).write("cut");
      setTimeout(() => response.destroy(), 20);
    },
    /but found (terminated|other side closed); put/,
  ],
  "bytes without end": [
    (_, response) => {
      const more = (): void => {
        while (response.write(Buffer.alloc(2 ** 20)));
      };
      response.on("drain", more);
      more();
    },
    /but found more than 33554432 bytes; put/,
  ],
  "nothing at all": [() => {}, /but found nothing for 0\.3 s; put/],
  "nothing after the beginning": [(_, response) => response.write("x"), /but found nothing for 0\.3 s; put/],
};
for (const [what, [answer, message]] of Object.entries(answers)) {
  test(`fashionMnist() refuses a server that answers with ${what}, and keeps nothing`, async () => {
    await using server = await serving(answer);
    await assert.rejects(fashionMnist("training", { cache: absent, installed: absent, origin: server.origin, patience: 300 }), { message });
    assert.equal(existsSync(absent), false);
  });
}

const debian = "/usr/share/datasets/fashion-mnist";
const skip = !existsSync(debian) && "needs dataset-fashion-mnist";

/** The published files, made of Debian's: the same compressed bytes in a gzip header with a time (2017-08-31) and the name. */
async function published({ url }: IncomingMessage, response: ServerResponse): Promise<void> {
  const file = url!.slice(1);
  const header = Buffer.from(`1f8b0808${file.startsWith("train") ? "de" : "f3"}e9a7590003`, "hex");
  response.end(Buffer.concat([header, Buffer.from(file.replace(".gz", "\0")), (await readFile(join(debian, file))).subarray(10)]));
}

test("fashionMnist() takes the published files into the cache", { skip }, async () => {
  const cache = join(root, "cache", "fashion-mnist");
  await using server = await serving(published);
  const fetched = await fashionMnist("training", { cache, installed: absent, origin: server.origin });
  assert.deepEqual([fetched.count, fetched.size.height, fetched.size.width], [60_000, 28, 28]);
  assert.deepEqual((await readdir(cache)).toSorted(), [`${name}.gz`, "train-labels-idx1-ubyte.gz"]);
  assert.deepEqual(
    [0, 1, 59_999].map((i) => fetched.classes![fetched.label!(i)]),
    ["Ankle boot", "T-shirt/top", "Sandal"],
  );
  const again = await fashionMnist("training", { cache, installed: absent, origin: unreached });
  assert.deepEqual(again.pixels(59_999), fetched.pixels(59_999));
});

test("fashionMnist() takes the published files for tests, and no others", { skip }, async () => {
  const cache = join(root, "cache of tests", "fashion-mnist");
  await using server = await serving(published);
  const fetched = await fashionMnist("tests", { cache, installed: absent, origin: server.origin });
  assert.equal(fetched.count, 10_000);
  assert.deepEqual((await readdir(cache)).toSorted(), ["t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"]);
  assert.deepEqual(
    [0, 1, 9_999].map((i) => fetched.classes![fetched.label!(i)]),
    ["Ankle boot", "Pullover", "Sandal"],
  );
});

test("fashionMnist() names a cache folder it cannot make", { skip }, async () => {
  const cache = join(await folderWith("file", idx), "file", "cache");
  await using server = await serving(published);
  await assert.rejects(fashionMnist("training", { cache, installed: absent, origin: server.origin }), {
    message: /^Expected to make the folder .*cache but found ENOTDIR.*; put /,
  });
});
