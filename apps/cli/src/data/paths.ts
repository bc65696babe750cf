/** Names of files that sharp reads. */
const image = /\.(png|jpe?g|webp|gif|tiff?|avif)$/i;

export const isImage = (path: string): boolean => image.test(path) && !path.split("/").some((part) => /^\.[^.]|^__MACOSX$/.test(part));

/** What data are for: to learn from, or to test with what was not learnt. */
export type Purpose = "training" | "tests";

/** What of data is wanted: what is for one purpose, or all. */
export type Wanted = Purpose | "all";

/** What data are for one purpose, in one order on every disk, and what was left out, in words; all where they are not told apart. */
export interface Part {
  readonly paths: readonly string[];
  readonly leftOut: string | undefined;
}

const names = { training: "train|training|data(?=_batch)", tests: "test|val|valid|validation|dev|t10k" } as const satisfies Record<Purpose, string>;

/** Of files that are told apart by name, such as train-….parquet and test-….parquet, those for a purpose; all where they are not. */
export function filesFor(wanted: Wanted, paths: readonly string[]): Part {
  const named = (purpose: Purpose): string[] => paths.filter((path) => new RegExp(`(^|[/_-])(${names[purpose]})([/_.-]|$)`, "i").test(path));
  const split = named("training").length > 0 && named("tests").length > 0;
  return part(split && wanted !== "all" ? named(wanted) : paths, { paths, wanted, what: "files" });
}

/** Of images in folders train/ and test/ or val/ side by side, those for a purpose; else all: a class may be called train, and an image test.png. */
export function foldersFor(wanted: Wanted, paths: readonly string[]): Part {
  const parent = (path: string, purpose: Purpose) => new RegExp(`^(.*?/)?(?:${names[purpose]})/`, "i").exec(path)?.slice(1).join("");
  const parents = (purpose: Purpose) => new Set(paths.map((path) => parent(path, purpose)).filter((folder) => folder !== undefined));
  const chosen = (wanted: Purpose): string[] => {
    const beside = parents(wanted === "training" ? "tests" : "training");
    return paths.filter((path) => beside.has(parent(path, wanted) as string));
  };
  const some = wanted === "all" ? [] : chosen(wanted);
  return part(some.length > 0 ? some : paths, { paths, wanted, what: "images" });
}

function part(chosen: readonly string[], { paths: all, wanted, what }: { paths: readonly string[]; wanted: Wanted; what: string }): Part {
  const left = all.length - chosen.length;
  const paths = chosen.toSorted((a, b) => (a < b ? -1 : 1));
  return { paths, leftOut: left > 0 ? `${left.toLocaleString("en")} of ${all.length.toLocaleString("en")} ${what}, not for ${wanted}` : undefined };
}

export interface Classes {
  readonly classes: readonly string[];
  readonly label: (index: number) => number;
}

/** Sub-folders as classes, sorted by name, below the folder that all images share; where an image is in no sub-folder, what stands in the way of them. */
export function classesOf(paths: readonly string[]): Classes | { readonly unclassed?: string } {
  const start = sharedFolder(paths);
  const folders = paths.map((path) => path.slice(start, Math.max(start, path.indexOf("/", start))));
  const classes = [...new Set(folders)].sort();
  if (classes[0] === "") return strayed(paths, (i) => folders[i] === "");
  if (classes.length < 2) return {};
  const numbers = new Map(classes.map((name, i) => [name, i]));
  const labels = Uint32Array.from(folders, (name) => numbers.get(name)!);
  return { classes, label: (index) => labels[index]! };
}

/** Why some images keep the others' folders from being classes, where they do; in words. */
function strayed(paths: readonly string[], isStray: (index: number) => boolean): { readonly unclassed?: string } {
  const [strays, others] = [paths.filter((_, i) => isStray(i)), paths.filter((_, i) => !isStray(i))];
  const found = classesOf(others);
  if (!("classes" in found)) return {};
  const [left, all] = [strays.length, paths.length].map((n) => n.toLocaleString("en"));
  const one = strays.length === 1;
  const names = one ? strays[0] : `${strays[0]}, …`;
  return {
    unclassed: `${left} of ${all} images (${names}) ${one ? "is" : "are"} in no sub-folder; move ${one ? "it" : "them"} and there are ${found.classes.length} classes`,
  };
}

/** The length of the longest a/b/ that all paths begin with. */
function sharedFolder(paths: readonly string[]): number {
  const [first = "", last = ""] = [paths[0], paths.at(-1)]; // sorted, so that those between share it too
  let end = 0;
  while (end < first.length && first[end] === last[end]) end++;
  return first.lastIndexOf("/", end - 1) + 1;
}
