/** Names of files that sharp reads. */
const image = /\.(png|jpe?g|webp|gif|tiff?|avif)$/i;

export const isImage = (path: string): boolean => image.test(path) && !path.split("/").some((part) => /^\.[^.]|^__MACOSX$/.test(part));

/** What to train on, in one order on every disk, and what was left out, in words. */
export interface TrainingPart {
  readonly paths: readonly string[];
  readonly leftOut: string | undefined;
}

const [training, evaluation] = ["train|training", "test|val|valid|validation|dev|t10k"];

/** Of files that are told apart by name, such as train-….parquet and test-….parquet, those for training; all where they are not. */
export function trainingFiles(paths: readonly string[]): TrainingPart {
  const named = (names: string) => new RegExp(`(^|[/_-])(${names})([/_.-]|$)`, "i");
  const chosen = paths.filter((path) => named(training).test(path));
  const split = chosen.length > 0 && paths.some((path) => named(evaluation).test(path));
  return part(split ? chosen : paths, paths, "files");
}

/** Of images in folders train/ and test/ or val/ side by side, those in train/; else all: a class may be called train, and an image test.png. */
export function trainingFolders(paths: readonly string[]): TrainingPart {
  const parent = (path: string, names: string) => new RegExp(`^(.*?/)?(?:${names})/`, "i").exec(path)?.slice(1).join("");
  const split = new Set(paths.map((path) => parent(path, evaluation)).filter((folder) => folder !== undefined));
  const chosen = paths.filter((path) => split.has(parent(path, training) as string));
  return part(chosen.length > 0 ? chosen : paths, paths, "images");
}

function part(chosen: readonly string[], all: readonly string[], what: string): TrainingPart {
  const left = all.length - chosen.length;
  const paths = chosen.toSorted((a, b) => (a < b ? -1 : 1));
  return { paths, leftOut: left > 0 ? `${left.toLocaleString("en")} of ${all.length.toLocaleString("en")} ${what}, not for training` : undefined };
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
