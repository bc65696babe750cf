import type { Runs } from "@ddpm/core";
import type { Shard } from "./parquet.ts";

/** Bytes of row groups that may be kept: the shuffle's window is as many groups as fit. */
const budget = 128 * 2 ** 20;

interface Group {
  readonly shard: Shard;
  /** Its first row in the shard, and what follows its last. */
  readonly from: number;
  readonly to: number;
  readonly bytes: number;
}

/** Parquet keeps hundreds of rows compressed together, so images are read by row groups; the last ones used stay in memory. */
export class RowGroups {
  readonly count: number;
  readonly runs: Runs;
  readonly #column: string;
  readonly #groups: readonly Group[];
  /** In the order of use. */
  readonly #kept = new Map<number, Promise<readonly Uint8Array[]>>();
  readonly #most: number;

  constructor(shards: readonly Shard[], column: string) {
    this.#column = column;
    this.#groups = shards.flatMap((shard) => groupsOf(shard, column));
    this.count = shards.reduce((n, { rows }) => n + rows, 0);
    const largest = this.#groups.reduce((most, { bytes }) => Math.max(most, bytes), 1);
    this.#most = Math.max(3, Math.floor(budget / largest));
    this.runs = { starts: this.#groups.map(({ shard, from }) => shard.start + from), window: this.#most - 2 };
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

  /** The last group that begins at `index` or before. */
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

  async #read({ shard: { file, metadata }, from, to }: Group): Promise<readonly Uint8Array[]> {
    const { parquetReadObjects } = await import("hyparquet");
    const { compressors } = await import("hyparquet-compressors");
    const rows = await parquetReadObjects({ file, metadata, columns: [this.#column], rowStart: from, rowEnd: to, compressors, utf8: false });
    return rows.map((row) => bytesOf(row[this.#column]));
  }
}

function bytesOf(cell: Uint8Array | { readonly bytes?: Uint8Array } | null): Uint8Array {
  return (cell instanceof Uint8Array ? cell : cell?.bytes)!;
}

function groupsOf(shard: Shard, column: string): Group[] {
  let to = 0;
  return shard.metadata.row_groups.map(({ num_rows, columns }) => {
    const from = to;
    to += Number(num_rows);
    const own = columns.filter(({ meta_data }) => meta_data?.path_in_schema[0] === column);
    return { shard, from, to, bytes: own.reduce((n, { meta_data }) => n + Number(meta_data?.total_uncompressed_size ?? 0), 0) };
  });
}
