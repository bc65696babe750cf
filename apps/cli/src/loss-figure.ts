import { LossCurve } from "./loss-curve.ts";
import { type Curve, figure, type Panel } from "./plot.ts";
import { type LogLine, logLines } from "./training-log.ts";

/** The log's means over those images of a batch whose t is in one quarter of 0 to T. */
const quarters = { lossQ1: "t < T/4", lossQ2: "T/4 ≤ t < T/2", lossQ3: "T/2 ≤ t < 3T/4", lossQ4: "3T/4 ≤ t" } as const;

/** The losses of one run, in bounded memory. */
export class Losses {
  readonly name: string;
  readonly all = new LossCurve();
  readonly quarters = new Map(Object.values(quarters).map((name) => [name, new LossCurve()]));

  constructor(name: string) {
    this.name = name;
  }

  /** Reads a log.jsonl. Throws as `logLines` does. */
  static async read(path: string, name: string): Promise<Losses> {
    const losses = new Losses(name);
    for await (const line of logLines(path)) losses.add(line);
    return losses;
  }

  add(line: LogLine): void {
    this.all.add(line["step"]!, line["loss"]!);
    for (const [key, name] of Object.entries(quarters)) this.quarters.get(name)!.add(line["step"]!, line[key] ?? Number.NaN);
  }
}

/** The losses of runs over their steps, as SVG; those of a single run by timestep as well, where its log has them. */
export function lossFigure(runs: readonly Losses[]): Promise<string> {
  const [run, ...others] = runs;
  const panels = [allPanel(runs), ...(others.length === 0 ? quarterPanel(run!) : [])];
  const [step, mean] = [run!.all.last, run!.all.means().at(-1)?.[1]];
  const subtitle =
    others.length > 0 || mean === undefined ? {} : { subtitle: `${run!.name} at step ${step}, where the mean is ${mean.toPrecision(3)}` };
  return figure(panels, { title: "Training loss", ...subtitle, columns: 1, width: 640, height: 280 });
}

const axes = { x: "step", y: "loss", logarithmic: true } as const;

function allPanel(runs: readonly Losses[]): Panel {
  const curves = runs.flatMap(({ name, all }): Curve[] => [
    { name: runs.length > 1 ? name : "all t", points: all.band(), look: "faint" },
    { name: runs.length > 1 ? name : "all t", points: all.means() },
  ]);
  return { ...axes, title: "Thin: each step. Thick: the mean of each hundredth of the run", curves };
}

/** No panel where the log lacks them. */
function quarterPanel({ quarters }: Losses): Panel[] {
  const curves = [...quarters].map(([name, curve]): Curve => ({ name, points: curve.means() })).filter(({ points }) => points.length > 0);
  return curves.length > 0 ? [{ ...axes, title: "Means by timestep", curves }] : [];
}
