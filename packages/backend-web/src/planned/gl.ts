// WebGL2 by itself: float textures, shaders kept by their source, draws into up to four layers, reads that do not block
import { contextAttributes } from "../renderer.ts";

interface Size {
  readonly width: number;
  readonly height: number;
}

/** A texture to read from. */
export interface Texture extends Size {
  readonly handle: WebGLTexture;
  /** What WebGL binds it as: one picture, or an array of layers. */
  readonly binding: GLenum;
}

/** A texture that can be drawn into. */
export interface Target extends Texture {
  readonly layers: number;
  readonly framebuffer: WebGLFramebuffer;
}

/** What a shader's uniform takes. */
export type Uniform = Texture | { readonly kind: "int" | "float"; readonly value: number };

/** The GPU or its driver does not do what is asked; the message says what. */
export class Refused extends Error {}

interface Linked {
  readonly program: WebGLProgram;
  readonly fragment: WebGLShader;
  readonly locations: Map<string, WebGLUniformLocation | null>;
  /** The numbers that its uniforms have. */
  readonly values: Map<string, number>;
}

const covering = `#version 300 es
void main() {
  gl_Position = vec4((gl_VertexID & 1) * 4 - 1, (gl_VertexID >> 1) * 4 - 1, 0, 1);
}`;

const noWebGl = (): Error =>
  new Error("Expected WebGL2 that draws into four float textures at once but this browser has none; choose another device");

export class Gpu {
  readonly gl: WebGL2RenderingContext;
  /** Whether results are kept with the 24 bits of float32, or the 11 of half floats. */
  readonly float32: boolean;
  /** Longest side of a texture. */
  readonly longest: number;
  /** Textures that a shader can read. */
  readonly units: number;
  readonly #vertex: WebGLShader;
  readonly #linked = new Map<string, Linked>();
  readonly #rest: () => Promise<void>;

  /** `rest` lets the GPU work for a moment. Throws an Error where the browser has no WebGL2 that draws into four float textures. */
  constructor(rest: () => Promise<void>) {
    const gl = new OffscreenCanvas(1, 1).getContext("webgl2", contextAttributes);
    if (!gl) throw noWebGl();
    this.gl = gl;
    this.#rest = rest;
    const [float32, half] = ["EXT_color_buffer_float", "EXT_color_buffer_half_float"].map((name) => gl.getExtension(name) !== null);
    this.float32 = float32! && this.#draws(gl.RGBA32F);
    if (!this.float32 && !((float32 || half) && this.#draws(gl.RGBA16F))) throw noWebGl();
    this.longest = gl.getParameter(gl.MAX_TEXTURE_SIZE);
    this.units = gl.getParameter(gl.MAX_TEXTURE_IMAGE_UNITS);
    this.#vertex = this.#shader(gl.VERTEX_SHADER, covering);
    gl.bindVertexArray(gl.createVertexArray());
  }

  /** Whether four layers of a format can be drawn into. */
  #draws(format: GLenum): boolean {
    const target = this.#target({ width: 1, height: 1, layers: 4 }, format);
    const complete = this.gl.checkFramebufferStatus(this.gl.FRAMEBUFFER) === this.gl.FRAMEBUFFER_COMPLETE;
    this.free(target);
    return complete;
  }

  #shader(kind: GLenum, source: string): WebGLShader {
    const shader = this.gl.createShader(kind)!;
    this.gl.shaderSource(shader, source);
    this.gl.compileShader(shader);
    return shader;
  }

  /** Compiles what is not compiled yet, all at once where the driver can; `progress` is told how many of how many are ready. Throws Refused. */
  async compile(sources: Iterable<string>, progress: (done: number, of: number) => void = () => {}): Promise<void> {
    const gl = this.gl;
    const fresh = [...new Set(sources)].filter((source) => !this.#linked.has(source));
    const parallel = gl.getExtension("KHR_parallel_shader_compile");
    const started = fresh.map((source) => this.#link(source));
    for (const [i, linked] of started.entries()) {
      while (parallel && !gl.isContextLost() && !gl.getProgramParameter(linked.program, parallel.COMPLETION_STATUS_KHR)) await this.#rest();
      if (!gl.getProgramParameter(linked.program, gl.LINK_STATUS))
        throw new Refused(`the driver refuses a shader: ${gl.getShaderInfoLog(linked.fragment)} ${gl.getProgramInfoLog(linked.program)}`);
      this.#linked.set(fresh[i]!, linked);
      progress(i + 1, fresh.length);
      await this.#rest();
    }
  }

  #link(source: string): Linked {
    const gl = this.gl;
    const [program, fragment] = [gl.createProgram(), this.#shader(gl.FRAGMENT_SHADER, source)];
    gl.attachShader(program, this.#vertex);
    gl.attachShader(program, fragment);
    gl.linkProgram(program);
    return { program, fragment, locations: new Map(), values: new Map() };
  }

  /** A texture to read from, in float32. */
  table({ width, height }: Size): Texture {
    const gl = this.gl;
    const texture = this.#texture(gl.TEXTURE_2D);
    gl.texStorage2D(gl.TEXTURE_2D, 1, gl.RGBA32F, width, height);
    return { ...texture, width, height };
  }

  /** Replaces a table's numbers, [height, width, 4]. */
  fillTable({ handle, width, height }: Texture, values: Float32Array): void {
    const gl = this.gl;
    gl.bindTexture(gl.TEXTURE_2D, handle);
    gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, width, height, gl.RGBA, gl.FLOAT, values);
  }

  /** A texture to draw into. */
  target(size: Size & { readonly layers: number }): Target {
    return this.#target(size, this.float32 ? this.gl.RGBA32F : this.gl.RGBA16F);
  }

  #target({ width, height, layers }: Size & { readonly layers: number }, format: GLenum): Target {
    const gl = this.gl;
    const texture = this.#texture(layers > 1 ? gl.TEXTURE_2D_ARRAY : gl.TEXTURE_2D);
    const framebuffer = gl.createFramebuffer();
    gl.bindFramebuffer(gl.FRAMEBUFFER, framebuffer);
    if (layers > 1) {
      gl.texStorage3D(gl.TEXTURE_2D_ARRAY, 1, format, width, height, layers);
      for (let j = 0; j < layers; j++) gl.framebufferTextureLayer(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0 + j, texture.handle, 0, j);
    } else {
      gl.texStorage2D(gl.TEXTURE_2D, 1, format, width, height);
      gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, texture.handle, 0);
    }
    gl.drawBuffers(Array.from({ length: layers }, (_, j) => gl.COLOR_ATTACHMENT0 + j));
    return { ...texture, framebuffer, width, height, layers };
  }

  /** Replaces all layers of a target, [layers, height, width, 4]. */
  fill({ handle, width, height, layers }: Target, values: Float32Array): void {
    const gl = this.gl;
    gl.bindTexture(gl.TEXTURE_2D_ARRAY, handle);
    gl.texSubImage3D(gl.TEXTURE_2D_ARRAY, 0, 0, 0, 0, width, height, layers, gl.RGBA, gl.FLOAT, values);
  }

  #texture(binding: GLenum): Pick<Texture, "handle" | "binding"> {
    const gl = this.gl;
    const handle = gl.createTexture();
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(binding, handle);
    gl.texParameteri(binding, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
    gl.texParameteri(binding, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
    return { handle, binding };
  }

  /** Throws Refused where something since the last check has gone wrong, such as that there is no memory. */
  check(): void {
    const error = this.gl.getError();
    if (error === this.gl.OUT_OF_MEMORY) throw new Refused("the GPU's memory is too small for its textures");
    if (error !== this.gl.NO_ERROR && error !== this.gl.CONTEXT_LOST_WEBGL) throw new Refused(`WebGL reports error ${error}`);
  }

  /** Fills a target by a shader that `compile` has made. */
  draw(source: string, uniforms: ReadonlyMap<string, Uniform>, { framebuffer, width, height }: Target): void {
    const gl = this.gl;
    const linked = this.#linked.get(source)!;
    gl.useProgram(linked.program);
    let unit = 0;
    for (const [name, uniform] of uniforms) {
      if ("value" in uniform) {
        this.#set(linked, name, uniform.kind, uniform.value);
        continue;
      }
      gl.activeTexture(gl.TEXTURE0 + unit);
      gl.bindTexture(uniform.binding, uniform.handle);
      this.#set(linked, name, "int", unit++);
    }
    gl.bindFramebuffer(gl.FRAMEBUFFER, framebuffer);
    gl.viewport(0, 0, width, height);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
  }

  #set({ program, locations, values }: Linked, name: string, kind: "int" | "float", value: number): void {
    if (values.get(name) === value) return;
    const gl = this.gl;
    if (!locations.has(name)) locations.set(name, gl.getUniformLocation(program, name));
    const location = locations.get(name)!;
    if (kind === "int") gl.uniform1i(location, value);
    else gl.uniform1f(location, value);
    values.set(name, value);
  }

  /** All layers of a target, [layers, height, width, 4], once the GPU has come to it. */
  async read({ framebuffer, width, height, layers }: Target): Promise<Float32Array> {
    const gl = this.gl;
    const values = new Float32Array(layers * height * width * 4);
    const buffer = gl.createBuffer();
    gl.bindBuffer(gl.PIXEL_PACK_BUFFER, buffer);
    gl.bufferData(gl.PIXEL_PACK_BUFFER, values.byteLength, gl.STREAM_READ);
    gl.bindFramebuffer(gl.FRAMEBUFFER, framebuffer);
    for (let j = 0; j < layers; j++) {
      gl.readBuffer(gl.COLOR_ATTACHMENT0 + j);
      gl.readPixels(0, 0, width, height, gl.RGBA, gl.FLOAT, j * height * width * 16);
    }
    gl.bindBuffer(gl.PIXEL_PACK_BUFFER, null);
    await this.finished();
    gl.bindBuffer(gl.PIXEL_PACK_BUFFER, buffer);
    gl.getBufferSubData(gl.PIXEL_PACK_BUFFER, 0, values);
    gl.bindBuffer(gl.PIXEL_PACK_BUFFER, null);
    gl.deleteBuffer(buffer);
    return values;
  }

  /** When the GPU has done all that it was told; at once where its context is lost. */
  async finished(): Promise<void> {
    const gl = this.gl;
    const fence = gl.fenceSync(gl.SYNC_GPU_COMMANDS_COMPLETE, 0);
    if (!fence) return;
    gl.flush();
    while (gl.getSyncParameter(fence, gl.SYNC_STATUS) === gl.UNSIGNALED) await this.#rest();
    gl.deleteSync(fence);
  }

  free(texture: Texture | Target): void {
    this.gl.deleteTexture(texture.handle);
    if ("framebuffer" in texture) this.gl.deleteFramebuffer(texture.framebuffer);
  }

  /** Gives the context back to the browser, which allows a page few of them. */
  dispose(): void {
    this.gl.getExtension("WEBGL_lose_context")?.loseContext();
  }
}
