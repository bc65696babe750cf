/** Names of files that sharp reads. */
const image = /\.(png|jpe?g|webp|gif|tiff?|avif)$/i;

export const isImage = (path: string): boolean => image.test(path) && !path.split("/").some((part) => part.startsWith(".") || part === "__MACOSX");

const part = (names: string) => new RegExp(`(^|[/_-])(${names})([/_.-]|$)`, "i");
const training = part("train|training");
const evaluation = part("test|val|valid|validation|dev|t10k");

/** The training part of files that are told apart by name, such as train/… and test/…; all of them where they are not. In one order on every disk. */
export function trainingPart(paths: readonly string[]): string[] {
  const sorted = paths.toSorted((a, b) => (a < b ? -1 : 1));
  const chosen = sorted.filter((path) => training.test(path));
  return chosen.length > 0 && sorted.some((path) => evaluation.test(path)) ? chosen : sorted;
}

export interface Classes {
  readonly classes: readonly string[];
  readonly label: (index: number) => number;
}

/** Sub-folders as classes, sorted by name, below the folder that all images share; none where an image is in no sub-folder. */
export function classesOf(paths: readonly string[]): Classes | undefined {
  const start = sharedFolder(paths);
  const folders = paths.map((path) => path.slice(start, Math.max(start, path.indexOf("/", start))));
  const classes = [...new Set(folders)].sort();
  if (classes.length < 2 || classes.includes("")) return undefined;
  const numbers = new Map(classes.map((name, i) => [name, i]));
  const labels = Uint32Array.from(folders, (name) => numbers.get(name)!);
  return { classes, label: (index) => labels[index]! };
}

/** The length of the longest a/b/ that all paths begin with. */
function sharedFolder(paths: readonly string[]): number {
  const [first = "", last = ""] = [paths[0], paths.at(-1)]; // sorted, so that those between share it too
  let end = 0;
  while (end < first.length && first[end] === last[end]) end++;
  return first.lastIndexOf("/", end - 1) + 1;
}
