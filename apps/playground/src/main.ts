import { drawGrid } from "./picture.ts";
import type { Images, Reply, Request, Settings } from "./protocol.ts";

const element = <E extends HTMLElement>(id: string): E => document.getElementById(id) as E;
const form = element<HTMLFormElement>("settings");
const file = element<HTMLInputElement>("file");
const [drawButton, pauseButton, cancelButton, saveButton] = ["draw", "pause", "cancel", "save"].map((id) => element<HTMLButtonElement>(id)) as [
  HTMLButtonElement,
  HTMLButtonElement,
  HTMLButtonElement,
  HTMLButtonElement,
];
const canvas = element<HTMLCanvasElement>("grid");
const bar = element<HTMLProgressElement>("progress");
const predicted = element<HTMLInputElement>("x0");
const scrub = element<HTMLInputElement>("scrub");

const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
const ask = (request: Request, transfer: Transferable[] = []): void => worker.postMessage(request, transfer);

let trajectory: Images[] = [];
let loaded = false;
let paused = false;
let began = 0;

/** Texts for people, in place of what stood there. */
function tell(id: "model" | "status" | "device", text: string, kind: "fact" | "error" = "fact"): void {
  element(id).textContent = text;
  element(id).dataset["kind"] = kind;
}

function settings(): Settings {
  const data = new FormData(form);
  const number = (name: string): number => Number(data.get(name));
  return {
    sampler: data.get("sampler") as Settings["sampler"],
    steps: data.get("steps") ? number("steps") : undefined,
    eta: number("eta"),
    count: number("count"),
    seed: number("seed"),
    clip: data.get("clip") ? data.get("clip") === "yes" : undefined,
    device: String(data.get("device")),
  };
}

/** The address holds every setting, so that a link restores them all. */
function keepInAddress(): void {
  const entries = [...new FormData(form)].filter((entry): entry is [string, string] => typeof entry[1] === "string" && entry[1] !== "");
  history.replaceState(undefined, "", `#${new URLSearchParams(entries)}`);
}

function restoreFromAddress(): void {
  for (const [name, value] of new URLSearchParams(location.hash.slice(1))) {
    const control = form.elements.namedItem(name);
    if (control instanceof HTMLInputElement || control instanceof HTMLSelectElement) control.value = value;
  }
}

async function load(name: string, source: Promise<ArrayBuffer>): Promise<void> {
  tell("model", `Reading ${name} …`);
  try {
    const bytes = await source;
    ask({ kind: "load", name, bytes }, [bytes]);
  } catch (error) {
    tell("model", `${name}: ${(error as Error).message}`, "error");
  }
}

async function fetched(url: string): Promise<ArrayBuffer> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`Expected a checkpoint but the server answered ${response.status}`);
  return response.arrayBuffer();
}

function show(): void {
  const images = trajectory[Number(scrub.value) - 1];
  if (!images) return;
  drawGrid(canvas, images, predicted.checked ? images.x0 : images.x);
  canvas.setAttribute("aria-label", `${images.shape[0]} pictures after step ${scrub.value} of ${bar.max}`);
}

function busy(now: boolean): void {
  drawButton.disabled = now || !loaded;
  pauseButton.disabled = cancelButton.disabled = !now;
  saveButton.disabled = trajectory.length === 0;
  pauseButton.textContent = "Pause";
  paused = false;
}

/** What the page does with each answer of the worker. */
const answers: { readonly [K in Reply["kind"]]: (reply: Extract<Reply, { kind: K }>) => void } = {
  loaded: ({ name, config, parameters, trained }) => {
    loaded = true;
    const image = `${config["data.height"]}×${config["data.width"]}×${config["model.channels"]}`;
    tell("model", `${name}: ${parameters.toLocaleString("en")} parameters, ${image} pictures, trained for ${trained.toLocaleString("en")} steps`);
    busy(false);
  },
  refused: ({ message }) => tell("model", `${message}${loaded ? " (the model before stays)" : ""}`, "error"),
  device: ({ device, reason }) => {
    tell("status", "Warming up");
    tell("device", `On ${device}: ${reason}`);
  },
  step: ({ step, steps, images }) => {
    trajectory.push(images);
    [bar.value, bar.max] = [step, steps];
    scrub.max = String(step); // before the value, which may not exceed it
    scrub.value = String(step);
    scrub.disabled = false;
    const left = ((performance.now() - began) / step) * (steps - step);
    tell("status", `Step ${step} of ${steps}, ${(left / 1000).toFixed(0)} s left`);
    show();
  },
  done: () => {
    tell("status", `${trajectory.length} steps in ${((performance.now() - began) / 1000).toFixed(1)} s`);
    busy(false);
  },
  cancelled: () => {
    tell("status", `Cancelled after step ${trajectory.length}`);
    busy(false);
  },
  failed: ({ message }) => {
    tell("status", message, "error");
    busy(false);
  },
};

worker.onmessage = ({ data }: MessageEvent<Reply>): void => (answers[data.kind] as (reply: Reply) => void)(data);
worker.onerror = ({ message }) => answers.failed({ kind: "failed", message });

form.addEventListener("submit", (event) => {
  event.preventDefault();
  trajectory = [];
  began = performance.now();
  busy(true);
  tell("status", "Starting");
  ask({ kind: "draw", settings: settings() });
});
form.addEventListener("input", keepInAddress);
file.addEventListener("change", () => {
  const chosen = file.files?.[0];
  if (chosen) void load(chosen.name, chosen.arrayBuffer());
});
element("bundled").addEventListener("click", () => void load("shapes", fetched("models/shapes.safetensors")));
pauseButton.addEventListener("click", () => {
  paused = !paused;
  pauseButton.textContent = paused ? "Go on" : "Pause";
  ask({ kind: "pause", paused });
});
cancelButton.addEventListener("click", () => ask({ kind: "cancel" }));
predicted.addEventListener("change", show);
scrub.addEventListener("input", show);
saveButton.addEventListener("click", () => {
  const link = document.createElement("a");
  link.download = "ddpm.png";
  link.href = canvas.toDataURL("image/png");
  link.click();
});
for (const type of ["dragover", "drop", "dragleave"] as const) {
  document.addEventListener(type, (event) => {
    event.preventDefault();
    document.body.classList.toggle("dropping", type === "dragover");
    const dropped = type === "drop" ? event.dataTransfer?.files[0] : undefined;
    if (dropped) void load(dropped.name, dropped.arrayBuffer());
  });
}

restoreFromAddress();
const given = new URLSearchParams(location.search).get("checkpoint");
if (given) void load(given, fetched(given));
