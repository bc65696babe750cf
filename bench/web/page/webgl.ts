// Keeps book of what a page asks of WebGL, whoever asks
type Context = WebGL2RenderingContext;

/** What was asked since the last look, and the textures that are alive now. */
export interface Work {
  readonly draws: number;
  /** Programs linked. */
  readonly links: number;
  readonly textureBytes: number;
}

/** Bytes of a texel by internal format; in WebGL2 the unsized ones hold bytes. */
const texelBytes: Readonly<Record<string, number>> = {
  ...{ RED: 1, ALPHA: 1, LUMINANCE: 1, RG: 2, LUMINANCE_ALPHA: 2, RGB: 3, RGBA: 4 },
  ...{ R8: 1, R8I: 1, R8UI: 1, RG8: 2, RGB8: 3, RGBA8: 4, RGBA8I: 4, RGBA8UI: 4, R16I: 2, R16UI: 2, RGBA16I: 8, RGBA16UI: 8 },
  ...{ R16F: 2, RG16F: 4, RGB16F: 6, RGBA16F: 8, R32F: 4, RG32F: 8, RGB32F: 12, RGBA32F: 16 },
  ...{ R32I: 4, R32UI: 4, RG32I: 8, RG32UI: 8, RGBA32I: 16, RGBA32UI: 16 },
};

interface Allocation {
  readonly target: number;
  readonly format: number;
  readonly sides: readonly number[];
}

type Sized = { readonly width: number; readonly height: number };

/** What each call that gives a texture its memory allocates; the second argument is a level or the number of levels. */
const allocations: Readonly<Record<string, (args: readonly number[]) => Allocation>> = {
  texStorage2D: ([target, , format, width, height]) => ({ target: target!, format: format!, sides: [width!, height!] }),
  texStorage3D: ([target, , format, ...sides]) => ({ target: target!, format: format!, sides }),
  texImage2D: ([target, , format, ...rest]) => ({
    target: target!,
    format: format!,
    sides: rest.length > 3 ? rest.slice(0, 2) : sourceSides(rest[2]),
  }),
  texImage3D: ([target, , format, ...rest]) => ({ target: target!, format: format!, sides: rest.slice(0, 3) }),
};

function sourceSides(source: unknown): number[] {
  const { width, height } = source as Sized;
  return [width, height];
}

const drawing = ["drawArrays", "drawElements", "drawArraysInstanced", "drawElementsInstanced", "drawRangeElements"];

/** Counts the work of every context that inherits from `prototype`; each call of the result is a look. Takes textures to have one level. */
export function watch(prototype: Context): () => Work {
  const alive = new Map<unknown, number>();
  const count = { draws: 0, links: 0 };
  for (const name of drawing) before(prototype, name, () => count.draws++);
  before(prototype, "linkProgram", () => count.links++);
  before(prototype, "deleteTexture", (_, [texture]) => alive.delete(texture));
  for (const [name, allocation] of Object.entries(allocations)) {
    before(prototype, name, (gl, args) => {
      const { target, format, sides } = allocation(args);
      alive.set(bound(gl, target), product(sides) * bytesOf(gl, format));
    });
  }
  return () => {
    const work = { ...count, textureBytes: sum(alive.values()) };
    Object.assign(count, { draws: 0, links: 0 });
    return work;
  };
}

function before(prototype: Context, name: string, note: (gl: Context, args: readonly number[]) => void): void {
  const methods = prototype as unknown as Record<string, (...args: number[]) => unknown>;
  const original = methods[name]!;
  methods[name] = function (this: Context, ...args) {
    note(this, args);
    return original.apply(this, args);
  };
}

/** The texture that is bound to a target. */
function bound(gl: Context, target: number): unknown {
  const kind = (["2D", "3D", "2D_ARRAY"] as const).find((kind) => gl[`TEXTURE_${kind}`] === target);
  if (!kind) throw new RangeError(`Expected a texture of two or three dimensions but found target 0x${target.toString(16)}`);
  return gl.getParameter(gl[`TEXTURE_BINDING_${kind}`]);
}

function bytesOf(gl: Context, format: number): number {
  const constants = gl as unknown as Readonly<Record<string, number>>;
  const known = Object.entries(texelBytes).find(([name]) => constants[name] === format);
  if (!known) throw new RangeError(`Expected a texture of a known format but found 0x${format.toString(16)}`);
  return known[1];
}

const product = (values: readonly number[]): number => values.reduce((a, b) => a * b, 1);
const sum = (values: Iterable<number>): number => [...values].reduce((a, b) => a + b, 0);
