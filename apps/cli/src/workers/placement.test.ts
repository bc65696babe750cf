import assert from "node:assert/strict";
import { test } from "node:test";
import { hostsOf, placement } from "./placement.ts";

test("TF_CONFIG names all workers, the chief first", () => {
  const config = (task: object) => ({ TF_CONFIG: JSON.stringify({ cluster: { worker: ["b:1", "c:2"], chief: ["a:3"], ps: ["d:4"] }, task }) });
  assert.deepEqual(placement(config({ type: "chief", index: 0 })), { addresses: ["a:3", "b:1", "c:2"], rank: 0 });
  assert.deepEqual(placement(config({ type: "worker", index: "1" })), { addresses: ["a:3", "b:1", "c:2"], rank: 2 });
  assert.throws(
    () => placement(config({ type: "ps", index: 0 })),
    /Expected TF_CONFIG as .* but found task \{"type":"ps","index":0\} of 3 workers; unset it/,
  );
});

test("TF_CONFIG that is none is refused", () => {
  assert.throws(() => placement({ TF_CONFIG: "worker" }), /but found worker; unset it to work alone/);
  assert.throws(() => placement({ TF_CONFIG: '{"cluster":{"worker":["a"]}}' }), /but found worker \["a"\]/);
  assert.throws(() => placement({ TF_CONFIG: '{"cluster":{"worker":"a:1"}}' }), /but found worker "a:1"/);
});

test("a step of Slurm's with several tasks has its hosts and ports from node list and job", () => {
  const step = {
    SLURM_STEP_NUM_TASKS: "5",
    SLURM_STEP_NODELIST: "gpu[09-10],big",
    SLURM_STEP_TASKS_PER_NODE: "2(x2),1",
    SLURM_PROCID: "3",
    SLURM_JOB_ID: "40123",
  };
  assert.deepEqual(placement(step), { addresses: ["gpu09:20123", "gpu09:20124", "gpu10:20123", "gpu10:20124", "big:20123"], rank: 3 });
  assert.throws(
    () => placement({ ...step, SLURM_STEP_TASKS_PER_NODE: "2" }),
    /Expected as many tasks as SLURM_STEP_NUM_TASKS, 5, .*; start the workers with srun/,
  );
});

test("a batch script of Slurm's that starts no step is a process alone", () => {
  assert.equal(placement({ SLURM_NTASKS: "4", SLURM_PROCID: "0", SLURM_JOB_NODELIST: "a", SLURM_JOB_ID: "1" }), undefined);
});

test("lists of Slurm's hosts", () => {
  assert.deepEqual(hostsOf("a"), ["a"]);
  assert.deepEqual(hostsOf("n[1-3,7]-ib,m[098-101]"), ["n1-ib", "n2-ib", "n3-ib", "n7-ib", "m098", "m099", "m100", "m101"]);
});

test("torchrun's workers of one machine have the ports after MASTER_PORT", () => {
  const env = { RANK: "1", WORLD_SIZE: "2", LOCAL_WORLD_SIZE: "2", MASTER_ADDR: "localhost", MASTER_PORT: "3000" };
  assert.deepEqual(placement(env), { addresses: ["localhost:3001", "localhost:3002"], rank: 1 });
  assert.throws(() => placement({ ...env, LOCAL_WORLD_SIZE: "1" }), /Expected TF_CONFIG for 2 workers on several machines/);
});

test("a process whose environment names no others works alone", () => {
  assert.equal(placement({}), undefined);
  assert.equal(placement({ RANK: "0", WORLD_SIZE: "1" }), undefined);
  assert.equal(placement({ TF_CONFIG: '{"cluster":{"worker":["a:1"]},"task":{"type":"worker","index":0}}' }), undefined);
});
