import { BrokenImages } from "./broken.ts";
import { Census } from "./census.ts";
import { covering, facts, type Pixels } from "./decode.ts";
import type { EncodedSource, Source } from "./source.ts";
import { evenly, survey } from "./survey.ts";

export interface Inspection {
  /** Images that were read. */
  readonly looked: number;
  /** What those that can be read are like. */
  readonly census: Census;
  /** Whether some image shows colour: many a grey one is stored as colour. */
  readonly colourful: boolean;
  readonly broken: BrokenImages;
}

export interface InspectionOptions {
  /** Images to look at; all by default. */
  readonly sample?: number | undefined;
  readonly broken?: BrokenImages;
  readonly progress?: (looked: number) => void;
}

/** Images decoded at the same time. */
const atOnce = 8;

/** Reads and decodes images as training will, so that what is broken comes to light. */
export async function inspectSource(source: Source, { sample, broken = new BrokenImages(), progress }: InspectionOptions = {}): Promise<Inspection> {
  if (source.size) return { looked: source.count, census: await survey(source), colourful: source.size.channels === 3, broken };
  const census = new Census();
  const indices = evenly(source.count, sample ?? source.count);
  let [next, looked, colourful] = [0, 0, false];
  const look = async (): Promise<void> => {
    while (next < indices.length) {
      const index = indices[next++]!;
      await lookAt(source, index, census)
        .then((pixels) => {
          colourful ||= hasColour(pixels);
        })
        .catch((error: Error) => broken.add(source.title(index), error));
      progress?.(++looked);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, look));
  return { looked: indices.length, census, colourful, broken };
}

/** Small, since it only has to show whether all of the file can be read, and colour. */
const glance = { height: 32, width: 32, channels: 3 } as const;

async function lookAt(source: EncodedSource, index: number, census: Census): Promise<Pixels> {
  const file = await source.file(index);
  const about = await facts(file);
  const pixels = await covering(file, glance);
  census.add(about);
  return pixels;
}

/** Levels between channels that a grey image stored as colour may have from its compression. */
const rounding = 3;

function hasColour({ data }: Pixels): boolean {
  for (let i = 0; i < data.length; i += 3) {
    const [red, green, blue] = [data[i]!, data[i + 1]!, data[i + 2]!];
    if (Math.max(red, green, blue) - Math.min(red, green, blue) > rounding) return true;
  }
  return false;
}
