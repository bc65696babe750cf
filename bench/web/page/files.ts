// Files are in memory before a clock starts

export async function bytes(url: string): Promise<ArrayBuffer> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`Expected ${url} but the server answers ${response.status}`);
  return response.arrayBuffer();
}

const variants = ["tfjs-backend-wasm.wasm", "tfjs-backend-wasm-simd.wasm", "tfjs-backend-wasm-threaded-simd.wasm"] as const;

/** The files of tfjs's wasm backend by name, as addresses of copies in memory. */
export async function tfjsWasm(): Promise<Record<string, string>> {
  const address = async (name: string): Promise<[string, string]> => {
    const blob = new Blob([await bytes(`/tfjs-wasm/${name}`)], { type: "application/wasm" });
    return [name, URL.createObjectURL(blob)];
  };
  return Object.fromEntries(await Promise.all(variants.map(address)));
}
