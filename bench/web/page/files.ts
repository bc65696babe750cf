// Files are in memory before a clock starts
import { setThreadsCount } from "@tensorflow/tfjs-backend-wasm";

export async function bytes(url: string): Promise<ArrayBuffer> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`Expected ${url} but the server answers ${response.status}`);
  return response.arrayBuffer();
}

const variants = ["tfjs-backend-wasm.wasm", "tfjs-backend-wasm-simd.wasm", "tfjs-backend-wasm-threaded-simd.wasm"] as const;

/** Readies tfjs's wasm for a number of threads; its files by name, as addresses of copies in memory. */
export async function tfjsWasm(threads: number): Promise<Record<string, string>> {
  setThreadsCount(threads);
  Object.defineProperty(navigator, "hardwareConcurrency", { value: 2 * threads }); // tfjs takes no more than half of it
  const address = async (name: string): Promise<[string, string]> => {
    const blob = new Blob([await bytes(`/tfjs-wasm/${name}`)], { type: "application/wasm" });
    return [name, URL.createObjectURL(blob)];
  };
  return Object.fromEntries(await Promise.all(variants.map(address)));
}
