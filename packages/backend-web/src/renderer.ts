/** What draws WebGL in this browser. */
export interface Renderer {
  /** As the driver calls itself: `ANGLE (NVIDIA GeForce …)`, `… SwiftShader …`. */
  readonly name: string;
  /** Whether a CPU does the work of a GPU. */
  readonly software: boolean;
  /** Whether results can be kept in float32; otherwise numbers have the 11 bits of half floats. */
  readonly float32: boolean;
}

/** How all contexts here are asked for, so that they are of the same GPU. */
export const contextAttributes: WebGLContextAttributes = { antialias: false, depth: false, powerPreference: "high-performance" };

/** Looks at WebGL2 through a context of its own; undefined where there is none that can compute. */
export function renderer(): Renderer | undefined {
  const gl = new OffscreenCanvas(1, 1).getContext("webgl2", contextAttributes);
  if (!gl) return undefined;
  const info = gl.getExtension("WEBGL_debug_renderer_info");
  const name = String(gl.getParameter(info ? info.UNMASKED_RENDERER_WEBGL : gl.RENDERER));
  const float32 = gl.getExtension("EXT_color_buffer_float") !== null;
  const computes = float32 || gl.getExtension("EXT_color_buffer_half_float") !== null;
  gl.getExtension("WEBGL_lose_context")?.loseContext();
  return computes ? { name, software: /swiftshader|llvmpipe|software|basic render/i.test(name), float32 } : undefined;
}
