import { setTimeout as pause } from "node:timers/promises";
import type { Contender, ContenderKey } from "./contenders.ts";
import { type Section, warmup } from "./sections.ts";
import { Worker } from "./worker.ts";

/** One number per round: seconds, or bytes for memory. */
type Measured = { readonly contender: string; readonly values: readonly number[] };
export type Result = {
  readonly measured: readonly Measured[];
  readonly skipped: readonly string[];
  readonly versions: Readonly<Record<string, string>>;
};

type Team = Readonly<Record<ContenderKey, Contender>>;
type Player = { readonly name: string; play(): Promise<number>; end(): Promise<void> };
type Options = { readonly rounds: number; readonly say: (line: string) => void };

/** Idle between two turns, so that the thread pool of one has gone to sleep when the next begins. */
const settle = 50;

/** Lets a section's contenders take turns A B C, A B C, …; who cannot start is left out with a note. */
export async function measure(section: Section, team: Team, { rounds, say }: Options): Promise<Result> {
  const skipped: string[] = [];
  const versions: Record<string, string> = {};
  const players: Player[] = [];
  try {
    for (const key of section.contenders) {
      const { name } = team[key];
      say(`${section.title}: starting ${name}`);
      try {
        players.push(await start(section, team[key], versions));
      } catch (error) {
        skipped.push(`${name} skipped: ${error instanceof Error ? error.message : error}`);
        say(skipped.at(-1) as string);
      }
    }
    return { measured: await turns(section, players, { rounds, say }), skipped, versions };
  } finally {
    for (const player of players) await player.end();
  }
}

async function turns(section: Section, players: readonly Player[], { rounds, say }: Options): Promise<Measured[]> {
  const values = players.map((): number[] => []);
  for (let round = 0; round < rounds; round++) {
    for (const [i, player] of players.entries()) {
      await pause(settle);
      values[i]?.push(await player.play());
    }
    const shown = players.map(({ name }, i) => `${name} ${shortly(values[i]?.at(-1) as number)}`);
    if (players.length > 0) say(`${section.title} ${round + 1}/${rounds}: ${shown.join(", ")}`);
  }
  return players.map(({ name }, i) => ({ contender: name, values: values[i] as number[] }));
}

const shortly = (value: number) => (value > 1e5 ? `${(value / 2 ** 20).toFixed(0)} MiB` : `${value.toPrecision(4)} s`);

function start(section: Section, contender: Contender, versions: Record<string, string>): Promise<Player> {
  return section.measure === "warm" ? warm(section, contender, versions) : fresh(section, contender, versions);
}

async function warm(section: Section, { name, command }: Contender, versions: Record<string, string>): Promise<Player> {
  const worker = new Worker(command(section.mode));
  try {
    Object.assign(versions, (await worker.ask({ do: "info" })).versions);
    for (let i = 0; i < warmup; i++) await worker.ask(section.ask);
  } catch (error) {
    await worker[Symbol.asyncDispose]();
    throw error;
  }
  const play = async () => (await worker.ask(section.ask)).seconds as number;
  return { name, play, end: () => worker[Symbol.asyncDispose]() };
}

/** The first process only shows that the contender is there, and brings its files into the page cache. */
async function fresh(section: Section, { name, command }: Contender, versions: Record<string, string>): Promise<Player> {
  const play = async () => {
    await using worker = new Worker(command(section.mode));
    await worker.ask(section.ask);
    return section.measure === "start" ? worker.age : ((await worker.ask({ do: "rss" })).peakBytes as number);
  };
  await using first = new Worker(command(section.mode));
  Object.assign(versions, (await first.ask({ do: "info" })).versions);
  await first.ask({ do: "train" });
  return { name, play, end: async () => {} };
}
