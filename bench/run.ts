/** Side-by-side timings: see README.md. */
import { availableParallelism } from "node:os";
import { commandLine } from "./command-line.ts";
import { contenders } from "./contenders.ts";
import { measure, type Result } from "./measure.ts";
import { head, machine, table } from "./report.ts";
import { type Section, type SectionName, sections, usual } from "./sections.ts";

const usage = `npm run bench -- [--pairs 9] [--only ${Object.keys(sections).join(",")}] [--all] [--python PATH] [--threads N] [--gpu] [--json]`;

const line = commandLine(usage);

const options = {
  pairs: { type: "string", default: "9" },
  only: { type: "string" },
  all: { type: "boolean", default: false },
  python: { type: "string" },
  threads: { type: "string", default: String(availableParallelism()) },
  gpu: { type: "boolean", default: false },
  json: { type: "boolean", default: false },
  help: { type: "boolean", default: false },
} as const;

function chosen({ only, all }: { only?: string; all: boolean }): readonly SectionName[] {
  const names = Object.keys(sections) as SectionName[];
  if (only === undefined) return all ? names : usual;
  return line.names(only, names, "section");
}

async function main(): Promise<void> {
  const flags = line.flags(options);
  if (flags.help) return console.log(usage);
  const [rounds, threads] = [line.count("--pairs", flags.pairs), line.count("--threads", flags.threads)];
  const team = contenders({ threads, python: flags.python, gpu: flags.gpu });
  const facts = { ...machine(), Threads: `${threads} for each contender` };
  const say = (line: string) => console.error(line);
  const results: { name: SectionName; section: Section; result: Result }[] = [];
  for (const name of chosen(flags)) {
    const section: Section = sections[name];
    results.push({ name, section, result: await measure(section, team, { rounds, say }) });
  }
  const versions = Object.assign({}, ...results.map(({ result }) => result.versions));
  if (flags.json) return console.log(JSON.stringify({ ...facts, ...versions, rounds, results }, null, 2));
  console.log(head({ ...facts, ...versions }));
  for (const { section, result } of results) console.log(table(section, result, team[section.contenders[0] ?? "ddpm"].name));
}

await main();
