import assert from "node:assert/strict";
import { test } from "node:test";
import { UsageError } from "../usage-error.ts";
import { asWorker, refuseSharedGpus, visibleGpus } from "./worker.ts";

const third = (gpus: string, hosts: readonly string[] = ["a", "a", "a"]) => ({
  CUDA_VISIBLE_DEVICES: gpus,
  TF_CONFIG: JSON.stringify({ cluster: { worker: hosts.map((host, i) => `${host}:${i + 1}`) }, task: { type: "worker", index: 2 } }),
});

test("the GPUs that a launcher allows count, not those of the machine", () => {
  assert.deepEqual(visibleGpus({ CUDA_VISIBLE_DEVICES: "3,GPU-5a" }), ["3", "GPU-5a"]);
  for (const none of ["", "-1"]) assert.deepEqual(visibleGpus({ CUDA_VISIBLE_DEVICES: none }), []);
});

test("each worker of a machine takes a GPU of its own", () => {
  const env = third("4,5,7");
  assert.equal(asWorker("tensorflow", env)?.plan.rank, 2);
  assert.equal(env.CUDA_VISIBLE_DEVICES, "7");
  const elsewhere = third("4,5", ["a", "b", "b"]);
  asWorker("tensorflow", elsewhere);
  assert.equal(elsewhere.CUDA_VISIBLE_DEVICES, "5");
});

test("a GPU that the launcher has given stays, and on the CPU none is taken", () => {
  const given = third("1");
  asWorker("tensorflow", given);
  assert.equal(given.CUDA_VISIBLE_DEVICES, "1");
  const cpu = third("4,5");
  asWorker("tensorflow:cpu", cpu);
  assert.equal(cpu.CUDA_VISIBLE_DEVICES, "4,5");
});

test("more workers than GPUs are refused", () => {
  assert.throws(() => asWorker("tensorflow", third("4,5")), UsageError);
  assert.throws(() => refuseSharedGpus(3, ["4", "5"]), {
    message: "Expected at most 2 workers on this machine, one for each GPU (4,5), but found 3; start as many, or add --device tensorflow:cpu",
  });
});
