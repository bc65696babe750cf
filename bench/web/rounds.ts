import { setTimeout as pause } from "node:timers/promises";
import type { Numbers } from "@ddpm/core";
import { relative } from "@ddpm/core/conformance";
import { median, seconds } from "../report.ts";
import type { Tab } from "./browser.ts";
import { type ContenderKey, contenders } from "./contenders.ts";
import type { Ask, Pass } from "./page/main.ts";

/** The two passes that begin a page: the first image, at a sampler's first t, and then the first batch. */
export const firsts = { one: { images: 1, t: 599 }, four: { images: 4, t: 300 } } as const satisfies Record<string, Ask>;

/** Turns of a round, and those thrown away before them. */
export const turns = 5;
export const warmup = 2;

/** Seconds in which a turn repeats its pass, so that the short ones are not a matter of chance. */
export const during = 0.2;

/** Idle in milliseconds: between two passes, so that the threads of one have gone to sleep when the next begins, */
const settle = 50;
/** and before the first, so that the browser has ended its own start. */
const calm = 1000;

/** Of a pass, all but what it found. */
type Work = Omit<Pass, "prediction">;

/** Durations in seconds; those of the same index were measured side by side with the other contenders'. */
export interface Measured {
  readonly first: number[];
  readonly one: number[];
  readonly four: number[];
  /** Greatest differences of `firsts` to the reference, relative to its largest value. */
  readonly differences: number[];
  /** The last round's `firsts`, */
  begun?: { readonly one: Work; readonly four: Work };
  /** and a later pass of one image. */
  later?: Work;
}

export interface Result {
  readonly measured: ReadonlyMap<ContenderKey, Measured>;
  readonly skipped: readonly string[];
}

interface Options {
  readonly open: (key: ContenderKey) => Promise<Tab>;
  readonly expected: { readonly one: Numbers; readonly four: Numbers };
  readonly rounds: number;
  readonly say: (line: string) => void;
}

/** Rounds in which each contender begins in a browser of its own, and then all take turns; who fails is left out with a note. */
export async function measure(keys: readonly ContenderKey[], options: Options): Promise<Result> {
  const rounds = new Rounds(keys, options);
  for (let round = 1; round <= options.rounds; round++) {
    await rounds.play();
    for (const [key, record] of rounds.measured) options.say(`round ${round}/${options.rounds}: ${contenders[key].name} ${summary(record)}`);
  }
  return rounds;
}

class Rounds implements Result {
  readonly measured: Map<ContenderKey, Measured>;
  readonly skipped: string[] = [];
  readonly #options: Options;

  constructor(keys: readonly ContenderKey[], options: Options) {
    this.measured = new Map(keys.map((key) => [key, { first: [], one: [], four: [], differences: [] }]));
    this.#options = options;
  }

  async play(): Promise<void> {
    const tabs = new Map<ContenderKey, Tab>();
    try {
      for (const key of this.measured.keys()) {
        await this.#attempt(key, async (record) => {
          tabs.set(key, await this.#options.open(key));
          await begin(tabs.get(key)!, record, this.#options.expected);
        });
      }
      for (let turn = 0; turn < warmup + turns; turn++) {
        for (const [key, tab] of tabs) await this.#attempt(key, (record) => take(turn, tab, record));
      }
    } finally {
      for (const tab of tabs.values()) await tab[Symbol.asyncDispose]();
    }
  }

  async #attempt(key: ContenderKey, play: (record: Measured) => Promise<void>): Promise<void> {
    const record = this.measured.get(key);
    try {
      if (record) await play(record);
    } catch (error) {
      this.measured.delete(key);
      this.skipped.push(`${contenders[key].name} skipped: ${error instanceof Error ? error.message.split("\n")[0] : error}`);
      this.#options.say(this.skipped.at(-1)!);
    }
  }
}

async function begin(tab: Tab, record: Measured, expected: Options["expected"]): Promise<void> {
  await pause(calm);
  const [one, four] = [await tab.pass(firsts.one), await tab.pass(firsts.four)];
  record.first.push(one.seconds);
  record.differences.push(difference(one, expected.one), difference(four, expected.four));
  record.begun = { one: work(one), four: work(four) };
}

/** One image and then four, each turn a timestep further down as a sampler goes. */
async function take(turn: number, tab: Tab, record: Measured): Promise<void> {
  const t = firsts.one.t - 1 - turn;
  await pause(settle);
  const one = await tab.pass({ images: 1, t, during });
  await pause(settle);
  const four = await tab.pass({ images: 4, t, during });
  if (turn < warmup) return;
  record.one.push(one.seconds);
  record.four.push(four.seconds);
  record.later = work(one);
}

const difference = ({ prediction }: Pass, expected: Numbers): number => relative(Float32Array.from(prediction), expected);
const work = ({ prediction, ...work }: Pass): Work => work;

function summary({ first, one, four }: Measured): string {
  const [nowOne, nowFour] = [one, four].map((values) => seconds(median(values.slice(-turns))));
  return `${seconds(first.at(-1)!)} to the first image, then ${nowOne} for one and ${nowFour} for four`;
}
