import assert from "node:assert/strict";
import { test } from "node:test";
import { configure, type Numbers, type Step, samplingStep } from "@ddpm/core";
import { coefficientNames, variablesOf } from "@ddpm/core/backend";
import { input, variable } from "@ddpm/core/graph";
import { stream } from "@ddpm/core/random";
import type { Gpu, Target, Texture, Uniform } from "./gl.ts";
import { planOf } from "./planner.ts";
import { PlannedProgram } from "./program.ts";

/** A GPU that computes nothing but knows what lies where: a texture holds what was drawn or filled last. */
class Fake {
  readonly alive = new Set<Texture>();
  readonly content = new Map<Texture, string>();
  /** What each draw read, by the shader's text and in order. */
  readonly reads: string[][] = [];
  freed = 0;

  table({ width, height }: { width: number; height: number }): Texture {
    return this.#made({ width, height, handle: {} as WebGLTexture, binding: 1 });
  }
  target({ width, height, layers }: { width: number; height: number; layers: number }): Target {
    return this.#made({ width, height, layers, handle: {} as WebGLTexture, framebuffer: {} as WebGLFramebuffer, binding: 2 });
  }
  #made<T extends Texture>(texture: T): T {
    this.alive.add(texture);
    return texture;
  }
  fillTable(texture: Texture, values: Float32Array): void {
    this.#alive(texture);
    this.content.set(texture, `table ${values.length}`);
  }
  fill(texture: Target, values: Float32Array): void {
    this.#alive(texture);
    assert.equal(values.length, texture.width * texture.height * texture.layers * 4);
    this.content.set(texture, `values ${values[0]}`);
  }
  draw(source: string, uniforms: ReadonlyMap<string, Uniform>, target: Target): void {
    const textures = [...uniforms.values()].filter((uniform): uniform is Texture => "handle" in uniform);
    for (const texture of [...textures, target]) this.#alive(texture);
    assert.ok(!textures.includes(target), "a draw reads what it writes");
    this.reads.push(textures.map((texture) => this.content.get(texture) ?? assert.fail("a draw reads a texture that nothing has written")));
    this.content.set(target, `drawn ${this.reads.length} ${source.length}`);
  }
  async read(target: Target): Promise<Float32Array> {
    this.#alive(target);
    assert.ok(this.content.has(target), "a read of a texture that nothing has written");
    return new Float32Array(target.width * target.height * target.layers * 4);
  }
  async finished(): Promise<void> {}
  check(): void {}
  free(texture: Texture): void {
    assert.ok(this.alive.delete(texture), "a texture is freed twice");
    this.freed++;
  }
  #alive(texture: Texture): void {
    assert.ok(this.alive.has(texture), "a texture is used that is not alive");
  }
}

const config = configure({ "model.dim": 8, "model.dimMults": [1, 2], "data.height": 8, "data.width": 8 });
const stateOf = (step: Step): Map<string, Numbers> =>
  new Map([...variablesOf(step)].map(([name, shape]) => [name, new Float32Array(shape.reduce((a, b) => a * b, 1))]));
const programOf = (step: Step): { fake: Fake; program: PlannedProgram } => {
  const fake = new Fake();
  return { fake, program: new PlannedProgram(fake as unknown as Gpu, step, planOf(step), stateOf(step)) };
};

test("a sampler's draws read only what was written before, in few textures, and all are freed once", async () => {
  const step = samplingStep(config, 2, { clip: true });
  const { fake, program } = programOf(step);
  const surfaces = planOf(step).passes.length;
  assert.ok(fake.alive.size < surfaces + 100);
  const feeds = { ...Object.fromEntries(coefficientNames.map((name) => [name, Float32Array.of(1)])), t: Int32Array.of(3), z: stream(0, "steps", 0) };
  for (let i = 0; i < 3; i++) await program.run(feeds);
  assert.equal(fake.reads.length, 3 * surfaces);
  await program[Symbol.asyncDispose]();
  await program[Symbol.asyncDispose]();
  assert.equal(fake.alive.size, 0);
});

test("a run's new image is the next one's old image", async () => {
  const x = variable("x", [1, 4, 4, 4]);
  const { fake, program } = programOf({ outputs: {}, updates: { x: x.mul(2) } });
  for (let i = 0; i < 3; i++) await program.run({});
  assert.match(fake.reads[0]![0]!, /^values 0/);
  assert.match(fake.reads[1]![0]!, /^drawn 1 /);
  assert.match(fake.reads[2]![0]!, /^drawn 2 /);
});

test("only what is fetched is drawn and has to be fed", async () => {
  const [a, b] = [input("a", [1, 4, 4, 4]), input("b", [1, 4, 4, 4])];
  const { fake, program } = programOf({ outputs: { a: a.mul(2), b: b.mul(3), same: a } });
  const values = new Float32Array(64).fill(7);
  await program.run({ a: values }, ["a"]);
  assert.equal(fake.reads.length, 1);
  await program.run({ a: values }, ["same"]);
  assert.equal(fake.reads.length, 1);
  assert.ok([...fake.content.values()].includes("values 7"));
  await assert.rejects(program.run({ a: values }), /Expected a value for b of shape .* but found none; give it one/);
  await assert.rejects(program.run({ a: values }, ["c"]), TypeError);
});

test("a write of a wrong size changes nothing", async () => {
  const x = input("x", [1, 4, 4, 4]);
  const { program } = programOf({ outputs: { y: x.mul(variable("w", [4])).add(variable("v", [4])) } });
  const wrong = new Map(Object.entries({ w: Float32Array.of(1, 2, 3, 4), v: Float32Array.of(1) }));
  await assert.rejects(program.write(wrong), RangeError);
  assert.deepEqual((await program.read(["w"])).get("w"), new Float32Array(4));
});
