/** Reads of a shared library what decides whether it can be loaded: the loader would end the process where a file is cut short. */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";

export interface LibraryFile {
  readonly bytes: number;
  /** The bytes that its own tables speak of. */
  readonly expectedBytes: number;
  readonly machine: string;
  /** The newest glibc that it names, such as 2.27; none where it needs none. */
  readonly glibc: string | undefined;
}

const machines: Readonly<Record<number, string>> = { 3: "ia32", 40: "arm", 62: "x64", 183: "arm64", 243: "riscv64" };
const versionsNeeded = 0x6ffffffe;

/** glibc's version in this process; undefined with another libc, such as musl. */
export const ownGlibc = (): string | undefined =>
  (process.report.getReport() as unknown as { header: { glibcVersionRuntime?: string } }).header.glibcVersionRuntime;

/** Throws an Error that says what is wrong with a shared library for this machine, with `remedy`, before the loader sees it. */
export function checkLibrary(path: string, remedy: string, { machine = process.arch as string, glibc = ownGlibc() } = {}): void {
  const wrong = (expected: string, found: string): Error => new Error(`Expected ${path} to be ${expected} but found ${found}; ${remedy}`);
  const file = readLibrary(path);
  if (!file) throw wrong("a shared library of 64 bits", "another file");
  if (file.bytes < file.expectedBytes) throw wrong(`of ${file.expectedBytes} bytes`, `${file.bytes}`);
  if (file.machine !== machine) throw wrong(`built for ${machine}`, `one for ${file.machine}`);
  if (file.glibc && !(glibc && isAtLeast(glibc, file.glibc)))
    throw new Error(
      `Expected glibc ${file.glibc} or newer for ${path} but found ${glibc ?? "another libc"}; take a newer distribution or container image, such as node:22-bookworm`,
    );
}

/** Whether a dotted version is the same as another or after it. */
export function isAtLeast(version: string, other: string): boolean {
  const [a, b] = [version, other].map((text) => text.split(".").map(Number)) as [number[], number[]];
  const i = b.findIndex((part, place) => part !== (a[place] ?? 0));
  return i < 0 || (a[i] ?? 0) > b[i]!;
}

/** Reads an ELF file's head; undefined for a file that is none of 64 bits, little-endian. Throws where it cannot be read. */
export function readLibrary(path: string): LibraryFile | undefined {
  const file = openSync(path, "r");
  try {
    const bytes = fstatSync(file).size;
    const read = (offset: number, length: number): DataView => {
      const buffer = Buffer.alloc(Math.max(0, Math.min(length, bytes - offset)));
      readSync(file, buffer, 0, buffer.length, offset);
      return new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
    };
    const head = read(0, 64);
    if (head.byteLength < 64 || head.getUint32(0) !== 0x7f454c46 || head.getUint16(4) !== 0x0201) return undefined;
    const tableAt = Number(head.getBigUint64(40, true));
    const [entryBytes, entries] = [head.getUint16(58, true), head.getUint16(60, true)];
    const expectedBytes = Math.max(64, tableAt + entryBytes * entries);
    const code = head.getUint16(18, true);
    const whole = bytes >= expectedBytes && entryBytes === 64;
    return {
      bytes,
      expectedBytes,
      machine: machines[code] ?? `machine ${code}`,
      glibc: whole ? newestGlibc(read, read(tableAt, 64 * entries)) : undefined,
    };
  } finally {
    closeSync(file);
  }
}

/** The newest glibc of the section of needed versions, whose names are in the section that it links to. */
function newestGlibc(read: (offset: number, length: number) => DataView, sections: DataView): string | undefined {
  const count = sections.byteLength / 64;
  const offsetOf = (i: number): number => Number(sections.getBigUint64(64 * i + 24, true));
  const bytesOf = (i: number): number => Number(sections.getBigUint64(64 * i + 32, true));
  const needs = Array.from({ length: count }, (_, i) => i).find((i) => sections.getUint32(64 * i + 4, true) === versionsNeeded);
  if (needs === undefined) return undefined;
  const names = offsetOf(sections.getUint32(64 * needs + 40, true));
  const versions = nameOffsets(read(offsetOf(needs), bytesOf(needs))).flatMap((offset) => {
    const text = new TextDecoder("latin1").decode(read(names + offset, 32));
    return /^GLIBC_(\d+(?:\.\d+)+)\0/.exec(text)?.[1] ?? [];
  });
  return versions.reduce<string | undefined>((newest, version) => (newest && isAtLeast(newest, version) ? newest : version), undefined);
}

/** Where the names of a section of needed versions begin: a list of files, each with a list of versions, both linked by relative offsets. */
function nameOffsets(section: DataView): number[] {
  const found: number[] = [];
  for (let file = 0; file + 16 <= section.byteLength; ) {
    let version = file + section.getUint32(file + 8, true);
    for (let left = section.getUint16(file + 2, true); left > 0 && version + 16 <= section.byteLength; left--) {
      found.push(section.getUint32(version + 8, true));
      version += section.getUint32(version + 12, true);
    }
    const next = section.getUint32(file + 12, true);
    if (next === 0) break;
    file += next;
  }
  return found;
}
