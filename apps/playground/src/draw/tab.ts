import type { Connection } from "../connection.ts";
import { Pace } from "../pace.ts";
import { download, element, tell } from "../page.ts";
import { enlarged, enlargement, gridOf, show } from "../picture.ts";
import type { Images, Settings } from "../protocol.ts";
import { gifOf } from "./gif.ts";
import { type Frame, Trajectory } from "./trajectory.ts";

const form = element("settings", HTMLFormElement);
const canvas = element("grid", HTMLCanvasElement);
const bar = element("progress", HTMLProgressElement);
const predicted = element("x0", HTMLInputElement);
const scrub = element("scrub", HTMLInputElement);
const [status, device, saved] = [element("status"), element("device"), element("saved")];
const button = (id: string): HTMLButtonElement => element(id, HTMLButtonElement);
const [drawButton, pauseButton, cancelButton, pngButton, gifButton] = [
  button("draw"),
  button("pause"),
  button("cancel"),
  button("save"),
  button("save-gif"),
];

let trajectory = new Trajectory();
let pace = new Pace();
let began = 0;
let paused = false;

/** Makes the Draw tab live. */
export function openDraw(connection: Connection): void {
  listen(connection);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    begin();
    connection.ask({ kind: "draw", settings: settings() });
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

function settings(): Settings {
  const data = new FormData(form);
  const number = (name: string): number | undefined => (data.get(name) ? Number(data.get(name)) : undefined);
  return {
    sampler: data.get("sampler") as Settings["sampler"],
    steps: number("steps"),
    eta: number("eta") ?? 0,
    count: number("count") ?? 1,
    seed: number("seed") ?? 0,
    seed2: number("seed2"),
    clip: data.get("clip") === "yes",
    device: String(data.get("device")),
  };
}

function begin(): void {
  trajectory = new Trajectory();
  pace = new Pace();
  began = performance.now();
  [bar.value, scrub.disabled] = [0, true];
  pause(false);
  tell(status, "Starting");
  tell(saved, "");
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
  show(canvas, gridOf(images.shape, chosen(images)));
  canvas.setAttribute("aria-label", `${images.shape[0]} pictures after step ${step} of ${bar.max}`);
  scrub.setAttribute("aria-valuetext", `Step ${step} of ${bar.max}`);
}

function savePng(): void {
  const frame = frameShown();
  if (!frame) return;
  const picture = gridOf(frame.images.shape, chosen(frame.images));
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
    const gif = await gifOf(
      frames[0]!.images.shape,
      frames.map(({ images }) => chosen(images)),
    );
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
