import type { Config } from "@ddpm/core";
import { sizeDivisor } from "@ddpm/core/config";
import type { BrokenImages } from "./broken.ts";
import type { Inspection } from "./inspection.ts";
import { sizeFlags, sizeFor, type wishOf } from "./size.ts";
import type { Source } from "./source.ts";

/** Sizes, classes and broken images that the text names. */
const [sizesShown, classesShown, brokenShown] = [5, 30, 20];

/** What there is to say about data, for machines. */
export function reportOf(source: Source, { looked, census, colourful, broken }: Inspection, wish: ReturnType<typeof wishOf>) {
  const { crop, dimMults, levels } = wish;
  const { size, missing, rounded } = sizeFor(census, wish);
  const byPixels = census.sizes.toSorted((a, b) => a.height * a.width - b.height * b.width);
  const { name, kind, count, leftOut, classes, unclassed, runs, memory } = source;
  return {
    name,
    kind,
    count,
    looked,
    leftOut,
    broken: broken.lines(),
    formats: Object.fromEntries(census.formats),
    grey: census.count - census.colour,
    colour: census.colour,
    alpha: census.alpha,
    onlyLooksColoured: census.colour > 0 && !colourful,
    sizes: census.sizes,
    smallest: byPixels[0]!,
    largest: byPixels.at(-1)!,
    classes: classes && membersOf(source, classes, broken),
    unclassed,
    reading: runs && { runs: runs.starts.length, window: Math.min(runs.window, runs.starts.length), bytes: memory },
    training: { size, crop, flags: sizeFlags(missing, size), rounded, dimMults, divisor: sizeDivisor(levels) },
  };
}

type Report = ReturnType<typeof reportOf>;

interface Members {
  readonly name: string;
  readonly count: number;
  /** How many of them cannot be read, as far as was looked. */
  readonly broken: number;
}

function membersOf({ count, label, title }: Source, classes: readonly string[], broken: BrokenImages): Members[] {
  const [counts, bad] = [new Uint32Array(classes.length), new Uint32Array(classes.length)];
  for (let index = 0; index < count; index++) {
    counts[label!(index)]!++;
    if (broken.count > 0 && broken.has(title(index))) bad[label!(index)]!++;
  }
  return classes.map((name, i) => ({ name, count: counts[i]!, broken: bad[i]! }));
}

const number = (n: number): string => n.toLocaleString("en");

/** The first `shown` in a row, and how many more. */
function some(all: readonly string[], shown: number, separator = ", "): string {
  const more = all.length - shown;
  return [...all.slice(0, shown), ...(more > 0 ? [`${number(more)} more`] : [])].join(separator);
}

/** The same for people. */
export function describe(report: Report): string {
  const lines: Record<string, string | undefined> = {
    what: report.kind,
    images: `${number(report.count)}, ${report.looked === report.count ? "all of them" : `${number(report.looked)} of them`} looked at`,
    "left out": report.leftOut,
    broken: report.broken.length > 0 ? brokenLine(report) : "none",
    formats: counted(Object.entries(report.formats)),
    colour: colourLine(report),
    sizes: sizesLine(report),
    classes: classesLine(report),
    reading: readingLine(report),
    training: trainingLine(report),
    allowed: allowedLine(report),
  };
  const shown = Object.entries(lines).filter(([, line]) => line !== undefined);
  return [report.name, ...shown.map(([title, line]) => `  ${title.padEnd(9)} ${line}`), ""].join("\n");
}

const counted = (entries: readonly (readonly [string, number])[]): string => entries.map(([name, n]) => `${name} (${number(n)})`).join(", ");

const brokenLine = ({ broken }: Report): string =>
  `${number(broken.length)}, which training leaves out (or ends at, with --strict):\n            ${some(broken, brokenShown, "\n            ")}`;

function colourLine({ grey, colour, alpha, onlyLooksColoured }: Report): string {
  const kinds = counted(Object.entries({ colour, grey }).filter(([, n]) => n > 0));
  const transparent = alpha > 0 ? `; ${number(alpha)} with an alpha channel: what it leaves transparent becomes black` : "";
  return kinds + transparent + (onlyLooksColoured ? "; all look grey, so --model.channels 1 would do" : "");
}

function sizesLine({ sizes, smallest, largest }: Report): string {
  const text = ({ height, width }: { height: number; width: number }) => `${height}×${width}`;
  const common = some(
    sizes.map((size) => `${text(size)} (${number(size.count)})`),
    sizesShown,
  );
  return `height × width: ${common}${sizes.length > 1 ? `; smallest ${text(smallest)}, largest ${text(largest)}` : ""}`;
}

function classesLine({ classes, unclassed }: Report): string | undefined {
  if (!classes) return unclassed && `none: ${unclassed}`;
  const texts = classes.map(({ name, count, broken }) => `${name} (${number(count)}${broken > 0 ? `, ${number(broken)} broken` : ""})`);
  const lost = classes.filter(({ count, broken }) => count > 0 && broken === count).map(({ name }) => name);
  const warning = lost.length > 0 ? `; no image of ${some(lost, classesShown)} can be read, which ends training with --conditional` : "";
  return `${classes.length}: ${some(texts, classesShown)}${warning}`;
}

function readingLine({ reading }: Report): string | undefined {
  if (!reading) return undefined;
  const memory = `${Math.ceil((reading.bytes ?? 0) / 2 ** 20)} MB in memory at most`;
  return `${reading.runs} runs of rows, ${reading.window} of them shuffled together, ${memory}`;
}

function trainingLine({ training: { size, crop, flags, rounded, divisor }, sizes }: Report): string {
  const shape = `${size.height}×${size.width}×${size.channels}`;
  if (flags) return `needs a size, since images differ: add ${flags}, or others`;
  if (rounded) return `takes ${shape}, the next size below that is divisible by ${divisor}`;
  const asTheyAre = sizes.every(({ height, width }) => height === size.height && width === size.width);
  return asTheyAre ? `takes them as they are, ${shape}` : `takes ${shape}: resized by the shorter side, then ${cropped[crop]}`;
}

const cropped: Readonly<Record<Config["data.crop"], string>> = { centre: "cut to the centre", random: "a random part at each step" };

const allowedLine = ({ training: { dimMults, divisor } }: Report): string =>
  `heights and widths divisible by ${divisor}, for the ${dimMults.length} levels of --model.dimMults ${dimMults}; each level more doubles that`;
