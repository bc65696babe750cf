import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { freeAddresses } from "./addresses.ts";

const program = fileURLToPath(new URL("../../test/worker.ts", import.meta.url));
const config = JSON.stringify({ "model.dim": 4, "data.height": 8, "data.width": 8, "train.batch": 12 });

/** What a worker told. */
interface Told {
  readonly losses: number[];
  readonly said: string[];
  parameters: number[];
  bytes: string;
  failed: string | undefined;
}

const running = new Set<ChildProcess>();
after(() => {
  for (const worker of running) worker.kill("SIGKILL");
});

/** Starts a worker; `told` grows, and `ended` resolves with its exit. */
function start(rank: number, addresses: readonly string[], steps: number, patience = 60) {
  const worker = fork(program, [`${rank}`, addresses.join(","), `${steps}`, config, `${patience}`], { execArgv: ["--import", "tsx"] });
  running.add(worker);
  const told: Told = { losses: [], said: [], parameters: [], bytes: "", failed: undefined };
  worker.on("message", (line: Partial<Told> & { loss?: number; said?: string }) => {
    const { loss, said, ...rest } = line;
    if (loss !== undefined) told.losses.push(loss);
    else if (typeof said === "string") told.said.push(said);
    else Object.assign(told, rest);
  });
  const ended = once(worker, "exit").then(([code, signal]) => {
    running.delete(worker);
    return (code ?? signal) as number | string;
  });
  const at = async (step: number): Promise<void> => {
    while (told.losses.length < step)
      await Promise.race([once(worker, "message"), ended.then(() => Promise.reject(new Error(`ended: ${told.failed}`)))]);
  };
  return { worker, told, ended, at };
}

/** What all workers of a training tell. */
async function trained(count: number, steps: number): Promise<Told[]> {
  const addresses = count === 1 ? [] : await freeAddresses(count);
  const workers = Array.from({ length: count }, (_, rank) => start(rank, addresses, steps));
  assert.deepEqual(
    await Promise.all(workers.map(({ ended }) => ended)),
    workers.map(() => 0),
    workers.map(({ told }) => told.failed).join("\n"),
  );
  return workers.map(({ told }) => told);
}

const largest = (differences: readonly number[]): number => differences.reduce((most, x) => Math.max(most, Math.abs(x)), 0);

test("two and three workers train the run of one, and twice the same bytes", async () => {
  const [one] = await trained(1, 30);
  const [two, three, again] = [await trained(2, 30), await trained(3, 30), await trained(3, 30)];
  for (const { losses, parameters } of [...two, ...three]) {
    assert.ok(largest(losses.map((loss, i) => loss / one!.losses[i]! - 1)) < 1e-5);
    assert.ok(largest(parameters.map((x, i) => x - one!.parameters[i]!)) < 1e-4);
  }
  for (const told of [two, [...three, ...again]]) assert.equal(new Set(told.map(({ bytes }) => bytes)).size, 1);
});

for (const victim of [0, 2]) {
  test(`when worker ${victim} is killed the others say so and end`, async () => {
    const addresses = await freeAddresses(3);
    const workers = [0, 1, 2].map((rank) => start(rank, addresses, 100_000));
    await workers[victim]!.at(3);
    workers[victim]!.worker.kill("SIGKILL");
    const others = workers.filter((_, rank) => rank !== victim);
    assert.deepEqual(await Promise.all(others.map(({ ended }) => ended)), [3, 3]);
    for (const { told } of others) assert.match(told.failed!, new RegExp(`worker ${victim} \\(${addresses[victim]}\\)`));
  });

  test(`when worker ${victim} hangs the others give it up after the silence they allow`, async () => {
    const addresses = await freeAddresses(3);
    const workers = [0, 1, 2].map((rank) => start(rank, addresses, 100_000));
    await workers[victim]!.at(3);
    workers[victim]!.worker.kill("SIGSTOP");
    const others = workers.filter((_, rank) => rank !== victim);
    assert.deepEqual(await Promise.all(others.map(({ ended }) => ended)), [3, 3]);
    for (const { told } of others)
      assert.match(
        told.failed!,
        new RegExp(
          `Expected to hear of worker ${victim} \\(${addresses[victim]}\\) but found nothing for 3 s|Expected worker ${victim} .* to go on but found it gone`,
        ),
      );
    assert.ok(others.some(({ told }) => told.failed!.includes(`hear of worker ${victim} `)));
    workers[victim]!.worker.kill("SIGKILL");
  });
}

test("a worker that starts late is waited for, and who waits says for whom", async () => {
  const addresses = await freeAddresses(2);
  const first = start(0, addresses, 2);
  while (first.told.said.length === 0) await once(first.worker, "message");
  assert.match(first.told.said[0]!, new RegExp(`Waiting for worker 1 \\(${addresses[1]}\\)`));
  const second = start(1, addresses, 2);
  assert.deepEqual(await Promise.all([first.ended, second.ended]), [0, 0]);
  assert.deepEqual(first.told.losses, second.told.losses);
});

test("a worker that looks for the first at a wrong address gives up with its name, as the first does", async () => {
  const [a, b, wrong] = (await freeAddresses(3)) as [string, string, string];
  const [first, second] = [start(0, [a, b], 2, 8), start(1, [wrong, b], 2, 8)];
  await Promise.all([first.ended, second.ended]);
  assert.match(first.told.failed!, new RegExp(`Expected all 2 workers within 8 s but found nothing of worker 1 \\(${b}\\); start them, and check`));
  assert.match(second.told.failed!, new RegExp(`found nothing of worker 0 \\(${wrong}\\)`));
});

test("a port that is taken is named", async () => {
  const server = createServer().listen(0);
  await once(server, "listening");
  const address = `127.0.0.1:${(server.address() as { port: number }).port}`;
  const worker = start(0, [address, "127.0.0.1:1"], 1);
  await worker.ended;
  server.close();
  assert.match(
    worker.told.failed!,
    new RegExp(`Expected worker 0 to listen on the port of ${address} but found TensorFlow: .*; stop what listens there`),
  );
});
