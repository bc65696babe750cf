import assert from "node:assert/strict";
import { test } from "node:test";
import { watch } from "./webgl.ts";

const constants = { TEXTURE_2D: 1, TEXTURE_2D_ARRAY: 2, TEXTURE_BINDING_2D: 11, TEXTURE_BINDING_2D_ARRAY: 12, RGBA: 20, R32F: 21, RGBA32F: 22 };

/** A WebGL2 that remembers what is bound and does nothing else. */
class Fake {
  readonly bindings = new Map<number, unknown>();
  bindTexture = (target: number, texture: unknown): void => void this.bindings.set(target + 10, texture);
  getParameter = (name: number): unknown => this.bindings.get(name);
  drawArrays(): string {
    return "drawn";
  }
}

function watched() {
  const names = ["drawElements", "drawArraysInstanced", "drawElementsInstanced", "drawRangeElements", "linkProgram", "deleteTexture"];
  const allocations = ["texStorage2D", "texStorage3D", "texImage2D", "texImage3D"];
  class Gl extends Fake {}
  const methods = Object.fromEntries([...names, ...allocations].map((name) => [name, () => {}]));
  Object.assign(Gl.prototype, constants, methods, { drawArrays: Fake.prototype.drawArrays });
  const look = watch(Gl.prototype as unknown as WebGL2RenderingContext);
  return { look, gl: new Gl() as unknown as WebGL2RenderingContext };
}

test("a look counts draws and linked programs since the last one, and calls go through", () => {
  const { look, gl } = watched();
  assert.equal(gl.drawArrays(0, 0, 3), "drawn");
  gl.drawElements(0, 3, 0, 0);
  gl.linkProgram({} as WebGLProgram);
  assert.deepEqual(look(), { draws: 2, links: 1, textureBytes: 0 });
  assert.deepEqual(look(), { draws: 0, links: 0, textureBytes: 0 });
});

test("textures count by their format and all sides while they are alive", () => {
  const { look, gl } = watched();
  const [flat, deep] = [{}, {}] as WebGLTexture[];
  gl.bindTexture(gl.TEXTURE_2D, flat!);
  gl.texStorage2D(gl.TEXTURE_2D, 1, gl.R32F, 3, 5);
  gl.bindTexture(gl.TEXTURE_2D_ARRAY, deep!);
  gl.texStorage3D(gl.TEXTURE_2D_ARRAY, 1, gl.RGBA32F, 2, 2, 4);
  assert.equal(look().textureBytes, 3 * 5 * 4 + 2 * 2 * 4 * 16);
  gl.deleteTexture(flat!);
  assert.equal(look().textureBytes, 2 * 2 * 4 * 16);
});

test("a texture that gets another image has that one's size, given by numbers or by its source", () => {
  const { look, gl } = watched();
  gl.bindTexture(gl.TEXTURE_2D, {} as WebGLTexture);
  gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA32F, 8, 8, 0, 0, 0, null);
  gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, 0, 0, { width: 3, height: 2 } as ImageData);
  assert.equal(look().textureBytes, 3 * 2 * 4);
});

test("an unknown format is an error, not a wrong figure", () => {
  const { gl } = watched();
  gl.bindTexture(gl.TEXTURE_2D, {} as WebGLTexture);
  assert.throws(() => gl.texStorage2D(gl.TEXTURE_2D, 1, 0x9999, 1, 1), /known format but found 0x9999/);
});
