import type { Runs } from "@ddpm/core";
import type { ColumnChunk } from "hyparquet";
import type { Shard } from "./parquet.ts";
import { parquetRows } from "./parquet-reader.ts";

/** Bytes of runs that may be kept: the shuffle's window is as many runs as fit. */
const budget = 128 * 2 ** 20;

/** Bytes of a run that is a part of a row group. */
const part = budget / 16;

/** Rows that are read together: a row group, or a part of a large one. */
interface Run {
  readonly shard: Shard;
  /** Its first row in the shard, and what follows its last. */
  readonly from: number;
  readonly to: number;
  readonly bytes: number;
}

/**
 * Parquet keeps hundreds of rows compressed together, so images are read by row groups, or by parts of them where the file has an index of its pages;
 * the last ones used stay in memory. That is 128 MB, or two row groups where they are larger: files without an index cannot be read by smaller pieces.
 */
export class RowGroups {
  readonly count: number;
  readonly runs: Runs;
  /** Bytes that are in memory at most. */
  readonly bound: number;
  readonly #column: string;
  readonly #groups: readonly Run[];
  /** In the order of use. */
  readonly #kept = new Map<number, Promise<readonly Uint8Array[]>>();
  readonly #most: number;

  constructor(shards: readonly Shard[], column: string) {
    this.#column = column;
    this.#groups = shards.flatMap((shard) => runsOf(shard, column));
    this.count = shards.reduce((n, { rows }) => n + rows, 0);
    const largest = this.#groups.reduce((most, { bytes }) => Math.max(most, bytes), 1);
    this.#most = Math.max(2, Math.floor(budget / largest));
    this.bound = this.#most * largest;
    this.runs = { starts: this.#groups.map(({ shard, from }) => shard.start + from), window: Math.max(1, this.#most - 2) };
  }

  title(index: number): string {
    const { shard } = this.#groups[this.#groupOf(index)]!;
    return `${shard.path} row ${index - shard.start}`;
  }

  async file(index: number): Promise<Uint8Array> {
    const at = this.#groupOf(index);
    const group = this.#kept.get(at) ?? this.#read(this.#groups[at]!);
    this.#kept.delete(at);
    this.#kept.set(at, group);
    for (const oldest of this.#kept.keys()) if (this.#kept.size > this.#most) this.#kept.delete(oldest);
    const file = (await group)[index - this.runs.starts[at]!];
    if (!file) throw new SyntaxError("no bytes, a path alone");
    return file;
  }

  /** The last run that begins at `index` or before. */
  #groupOf(index: number): number {
    const { starts } = this.runs;
    let [low, high] = [0, starts.length - 1];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (starts[middle]! <= index) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  async #read({ shard, from, to, bytes }: Run): Promise<readonly Uint8Array[]> {
    const rows = { columns: [this.#column], rowStart: from, rowEnd: to, utf8: false, useOffsetIndex: true };
    const read = await parquetRows(shard.path, rows, Math.min(bytes, shard.bytes));
    return read.map((row) => bytesOf(row[this.#column] as Cell));
  }
}

type Cell = Uint8Array | { readonly bytes?: Uint8Array } | null;

function bytesOf(cell: Cell): Uint8Array {
  return (cell instanceof Uint8Array ? cell : cell?.bytes)!;
}

function runsOf(shard: Shard, column: string): Run[] {
  let to = 0;
  return shard.metadata.row_groups.flatMap(({ num_rows, columns }) => {
    const from = to;
    to += Number(num_rows);
    const own = columns.filter(({ meta_data }) => meta_data?.path_in_schema[0] === column);
    const bytes = own.reduce((n, { meta_data }) => n + Number(meta_data?.total_uncompressed_size ?? 0), 0);
    const parts = own.every(hasPages) ? Math.min(Math.ceil(bytes / part), to - from) : 1;
    const cuts = Array.from({ length: parts + 1 }, (_, i) => from + Math.floor((i * (to - from)) / parts));
    return cuts.slice(1).map((end, i) => ({ shard, from: cuts[i]!, to: end, bytes: bytes / parts }));
  });
}

/** Whether parts of a column can be read alone. A dictionary holds all values in one piece. */
const hasPages = ({ offset_index_offset, meta_data }: ColumnChunk): boolean =>
  offset_index_offset !== undefined && (meta_data?.dictionary_page_offset === undefined || Number(meta_data.total_uncompressed_size) < part);
