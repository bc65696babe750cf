// What the host works out for a pass to read, as textures
import { size, Tensor } from "@ddpm/core";
import { type Layout, packMatrices, packRows, placesOf, texelsOf } from "./layout.ts";
import type { Table } from "./shader.ts";

/** Rows of channels [rows, c]: texel (k, row) has channels 4k to 4k + 3. */
export const rows = (tensor: Tensor, layout: Layout): Table => ({
  kind: "table",
  width: texelsOf(layout),
  height: size(tensor.shape) / placesOf(layout).length,
  tensor,
  pack: packRows(layout),
});

/** Matrices [taps, inputs, outputs], in the order of `packMatrices`. */
export const matrices = (tensor: Tensor, inputs: Layout, outputs: Layout): Table => ({
  kind: "table",
  width: 4 * texelsOf(outputs),
  height: (size(tensor.shape) / placesOf(inputs).length / placesOf(outputs).length) * texelsOf(inputs),
  tensor,
  pack: packMatrices(inputs, outputs),
});

/** The group of each channel, in one row; -1 where there is no channel. */
export function memberships(layout: Layout, groups: number): Table {
  const channels = placesOf(layout).length;
  const values = Float32Array.from({ length: channels }, (_, i) => Math.floor((i * groups) / channels));
  const tensor = new Tensor("array", [], { values, shape: [channels] });
  return { kind: "table", width: texelsOf(layout), height: 1, tensor, pack: packRows(layout, -1) };
}
