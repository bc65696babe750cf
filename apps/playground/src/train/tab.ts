import type { Connection } from "../connection.ts";
import { lossChart } from "../loss-chart.ts";
import { Pace } from "../pace.ts";
import { download, element, tell } from "../page.ts";
import { gridOf, show } from "../picture.ts";
import { planOf } from "./plan.ts";

const form = element("training", HTMLFormElement);
const bar = element("train-progress", HTMLProgressElement);
const canvas = element("train-grid", HTMLCanvasElement);
const [status, device, warning] = [element("train-status"), element("train-device"), element("train-warning")];
const button = (id: string): HTMLButtonElement => element(id, HTMLButtonElement);
const [trainButton, stopButton, useButton, downloadButton] = [button("train"), button("stop"), button("use"), button("download")];

interface Trained {
  readonly step: number;
  readonly checkpoint: Blob;
}

/** Makes the Train tab live; `use` takes a checkpoint that a person wants to draw with. */
export function openTrain(connection: Connection, use: (name: string, checkpoint: Blob) => void): void {
  let trained: Trained | undefined;
  let classes: readonly string[] = [];
  const run = new Run();
  connection.watch((job) => {
    trainButton.disabled = job !== undefined;
    stopButton.disabled = job !== "train";
    useButton.disabled = downloadButton.disabled = job !== undefined || !trained;
  });
  connection.listen(
    {
      device: (chosen) => {
        tell(status, "Warming up: the first step takes longer");
        tell(device, `On ${chosen.device}: ${chosen.reason}`);
      },
      compiled: ({ how }) => tell(device, `${device.textContent}; ${how}`),
      lost: () => tell(status, "The browser took WebGL away: opening it again, and going on from where the last pictures were drawn"),
      loss: ({ step, loss }) => run.add(step, loss),
      warned: ({ message }) => tell(warning, message),
      samples: ({ step, shape, images }) => {
        show(canvas, gridOf(shape, images, { columns: classes.length || undefined }));
        const which = classes.length > 0 ? `: ${classes.join(", ")}` : "";
        canvas.setAttribute("aria-label", `${shape[0]} pictures that the model draws after step ${step}${which}`);
      },
      trained: ({ step, checkpoint }) => {
        trained = { step, checkpoint: new Blob([checkpoint]) };
        tell(status, `Trained for ${step} steps; the last loss is ${run.lastLoss.toFixed(4)}`);
      },
      failed: ({ message }) => tell(status, message, "error"),
    },
    "train",
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    try {
      const plan = planOf(form);
      classes = plan.config["model.classes"];
      tell(element("train-caption"), classes.length > 0 ? `One picture of each class: ${classes.join(", ")}` : "");
      tell(warning, "");
      run.begin(plan.steps);
      connection.ask({ kind: "train", plan });
    } catch (error) {
      tell(status, (error as Error).message, "error");
    }
  });
  stopButton.addEventListener("click", () => connection.ask({ kind: "cancel" }));
  useButton.addEventListener("click", () => trained && use(`trained here, step ${trained.step}`, trained.checkpoint));
  downloadButton.addEventListener("click", () => trained && download("model.safetensors", trained.checkpoint));
}

/** The curve and the progress of one training after another. */
class Run {
  readonly #chart = lossChart(element("train-loss"));
  #pace = new Pace();
  #steps: number[] = [];
  #losses: number[] = [];
  #due = 0;

  get lastLoss(): number {
    return this.#losses.at(-1) ?? Number.NaN;
  }

  begin(steps: number): void {
    [this.#pace, this.#steps, this.#losses] = [new Pace(), [], []];
    [bar.max, bar.value] = [steps, 0];
    tell(status, "Starting");
  }

  add(step: number, loss: number): void {
    this.#pace.step();
    const known = this.#steps.filter((before) => before < step).length; // a step may come again after a lost device
    this.#steps = [...this.#steps.slice(0, known), step];
    this.#losses = [...this.#losses.slice(0, known), loss];
    bar.value = step;
    const rate = this.#pace.perSecond;
    const speed = rate === undefined ? "" : `, ${rate.toPrecision(2)} steps/s${this.#pace.left(bar.max - step)}`;
    tell(status, `Step ${step} of ${bar.max}: loss ${loss.toFixed(4)}${speed}`);
    cancelAnimationFrame(this.#due);
    this.#due = requestAnimationFrame(() => this.#chart.show(this.#steps, this.#losses));
  }
}
