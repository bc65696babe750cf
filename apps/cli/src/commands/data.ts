import type { Command } from "commander";
import { BrokenImages } from "../data/broken.ts";
import { gallery, shownClasses } from "../data/gallery.ts";
import { dataHelp, openSource } from "../data/index.ts";
import { inspectSource } from "../data/inspection.ts";
import { describe, reportOf } from "../data/report.ts";
import { wishOf } from "../data/size.ts";
import { prepareFile } from "../figure-file.ts";
import { configOf, configOptions, count } from "../options.ts";
import { writePng } from "../picture.ts";
import { progress } from "../progress.ts";

interface Options {
  readonly sample?: number;
  readonly strict?: true;
  readonly out?: string;
  readonly json?: true;
}

export function dataCommand(program: Command): void {
  const command = program
    .command("data")
    .description("Look at data before training on them")
    .command("inspect <data>")
    .description(`Read every image: count sizes, formats and classes, name broken ones, say what training would take. <data> is ${dataHelp}`)
    .option("--sample <n>", "look at so many images, evenly spread, instead of all", count)
    .option("--strict", "end at the first image that cannot be read")
    .option("--out <file.png>", "draw images as training sees them: a row of each of the first 20 classes, else a hundred at random")
    .option("--json", "for machines")
    .action(inspect);
  configOptions(command, (key) => /^data\.(height|width|crop)$|^model\.(channels|dimMults)$/.test(key));
}

async function inspect(name: string, options: Options): Promise<void> {
  const { sample, out, json } = options;
  const wish = wishOf(configOf({ ...options }));
  if (out) await prepareFile("--out", out, [".png"]);
  const source = await openSource(name);
  const broken = new BrokenImages(options);
  using line = progress("inspect", Math.min(sample ?? source.count, source.count));
  const found = await inspectSource(source, { sample, broken, progress: (looked) => line.update(looked) });
  line[Symbol.dispose]();
  if (found.census.count === 0)
    throw new SyntaxError(`Expected images in ${source.name} but found broken ones alone: ${broken}; mend them, or choose other data`);
  const report = reportOf(source, found, wish);
  process.stdout.write(json ? `${JSON.stringify(report)}\n` : describe(report));
  if (!out) return;
  const { size, crop } = report.training;
  await writePng(out, await gallery(source, { size, crop, broken }));
  const rows = shownClasses(source);
  if (!json) process.stdout.write(`Drew ${out}${rows.length > 0 ? `, whose rows are ${rows.join(", ")}` : ""}\n`);
}
