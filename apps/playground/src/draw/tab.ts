import type { Connection } from "../connection.ts";
import { Pace } from "../pace.ts";
import { download, element, tell } from "../page.ts";
import { enlarged, enlargement, gridOf, show } from "../picture.ts";
import type { Images } from "../protocol.ts";
import { ClassChoice } from "./class-choice.ts";
import { DrawingChoice } from "./drawing-choice.ts";
import { gifOf } from "./gif.ts";
import { settingsOf } from "./settings.ts";
import { StartChoice } from "./start-choice.ts";
import { type Frame, Trajectory } from "./trajectory.ts";

const form = element("settings", HTMLFormElement);
const canvas = element("grid", HTMLCanvasElement);
const bar = element("progress", HTMLProgressElement);
const predicted = element("x0", HTMLInputElement);
const scrub = element("scrub", HTMLInputElement);
const [status, device, saved, caption] = [element("status"), element("device"), element("saved"), element("caption")];
const button = (id: string): HTMLButtonElement => element(id, HTMLButtonElement);
const [drawButton, pauseButton, cancelButton, pngButton, gifButton] = [
  button("draw"),
  button("pause"),
  button("cancel"),
  button("save"),
  button("save-gif"),
];

let trajectory = new Trajectory();
/** Pictures in a row of the grid, where that is not for it to say. */
let columns: number | undefined;
let pace = new Pace();
let began = 0;
let paused = false;

/** Makes the Draw tab live; the answer takes a picture that is dropped. */
export function openDraw(connection: Connection): { take(file: File): void } {
  const [classes, drawing] = [new ClassChoice(form), new DrawingChoice(form)];
  const start = new StartChoice(form, drawing);
  connection.listen({
    loaded: ({ model }) => {
      drawing.fit(model.drawing);
      start.fit(model.config);
      classes.offer(model);
    },
  });
  listen(connection);
  form.addEventListener("input", showValues);
  showValues();
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    try {
      const wanted = classes.of(Number(new FormData(form).get("count") || 1));
      const settings = settingsOf(form, { ...wanted, drawing: drawing.value, start: start.value });
      begin(wanted.columns, classes.describe(wanted));
      connection.ask({ kind: "draw", settings });
    } catch (error) {
      tell(status, (error as Error).message, "error");
    }
  });
  pauseButton.addEventListener("click", () => {
    pause(!paused);
    connection.ask({ kind: "pause", paused });
  });
  cancelButton.addEventListener("click", () => connection.ask({ kind: "cancel" }));
  for (const control of [predicted, scrub]) control.addEventListener("input", look);
  addEventListener("resize", look);
  pngButton.addEventListener("click", savePng);
  gifButton.addEventListener("click", () => void saveGif());
  button("copy").addEventListener("click", () => void copyLink());
  return start;
}

/** Says beside each slider where it stands. */
function showValues(): void {
  for (const output of form.querySelectorAll("output")) output.value = element(output.htmlFor.value, HTMLInputElement).value;
}

function listen(connection: Connection): void {
  let loaded = false;
  let busy = false;
  const enable = (): boolean => (drawButton.disabled = busy || !loaded);
  connection.listen({
    loaded: () => {
      loaded = true;
      enable();
    },
  });
  connection.watch((job) => {
    busy = job !== undefined;
    enable();
    pauseButton.disabled = cancelButton.disabled = job !== "draw";
    pngButton.disabled = gifButton.disabled = trajectory.frames.length === 0;
  });
  connection.listen(
    {
      device: (chosen) => {
        tell(status, "Warming up");
        tell(device, `On ${chosen.device}: ${chosen.reason}`);
      },
      compiling: ({ done, of }) => tell(status, `Warming up: ${done} of ${of} shaders`),
      compiled: ({ how }) => tell(device, `${device.textContent}; ${how}`),
      lost: () => tell(status, "The browser took WebGL away: opening it again, and going on from the last step"),
      step: ({ step, steps, images }) => advance(step, steps, images),
      done: () => tell(status, `${bar.value} steps in ${((performance.now() - began) / 1000).toFixed(1)} s`),
      cancelled: () => tell(status, `Cancelled after step ${bar.value}`),
      failed: ({ message }) => tell(status, message, "error"),
    },
    "draw",
  );
}

/** Begins a run of pictures: how many stand in a row, if that matters, and what they are of. */
function begin(row: number | undefined, classes: string): void {
  trajectory = new Trajectory();
  pace = new Pace();
  began = performance.now();
  [bar.value, scrub.disabled] = [0, true];
  pause(false);
  columns = row;
  tell(status, "Starting");
  tell(saved, "");
  tell(caption, classes);
}

function pause(now: boolean): void {
  paused = now;
  pace.pause(paused);
  pauseButton.textContent = paused ? "Go on" : "Pause";
}

function advance(step: number, steps: number, images: Images): void {
  trajectory.add(step, steps, images);
  pace.step();
  [bar.max, bar.value] = [steps, step];
  scrub.max = String(trajectory.frames.length); // before the value, which may not exceed it
  scrub.value = scrub.max;
  scrub.disabled = false;
  tell(status, `Step ${step} of ${steps}${pace.left(steps - step)}`);
  look();
}

const chosen = ({ x, x0 }: Images): Uint8ClampedArray => (predicted.checked ? x0 : x);

const frameShown = (): Frame | undefined => trajectory.frames[Number(scrub.value) - 1];

/** Shows the step that the slider stands at. */
function look(): void {
  const frame = frameShown();
  if (!frame) return;
  const { step, images } = frame;
  show(canvas, gridOf(images.shape, chosen(images), { columns }));
  canvas.setAttribute("aria-label", `${images.shape[0]} pictures after step ${step} of ${bar.max}`);
  scrub.setAttribute("aria-valuetext", `Step ${step} of ${bar.max}`);
}

function savePng(): void {
  const frame = frameShown();
  if (!frame) return;
  const picture = gridOf(frame.images.shape, chosen(frame.images), { columns });
  const large = enlarged(picture, enlargement(picture.width));
  const paper = document.createElement("canvas");
  [paper.width, paper.height] = [large.width, large.height];
  paper.getContext("2d")!.putImageData(large, 0, 0);
  paper.toBlob((blob) => blob && download("ddpm.png", blob));
}

async function saveGif(): Promise<void> {
  const { frames } = trajectory;
  gifButton.disabled = true;
  tell(saved, "Making the GIF …");
  try {
    const gif = await gifOf({ shape: frames[0]!.images.shape, columns, frames: frames.map(({ images }) => chosen(images)) });
    download("ddpm.gif", gif);
    tell(saved, `Saved a GIF of ${(gif.size / 1e6).toFixed(1)} MB`);
  } catch (error) {
    tell(saved, (error as Error).message, "error");
  }
  gifButton.disabled = false;
}

async function copyLink(): Promise<void> {
  try {
    await navigator.clipboard.writeText(location.href);
    tell(saved, "Copied a link that restores these settings");
  } catch {
    tell(saved, "Expected to write to the clipboard but the browser forbids it; copy the address of this page by hand", "error");
  }
}
