import { readAddress, restore, writeAddress } from "./address.ts";
import { Connection } from "./connection.ts";
import { openDraw } from "./draw/tab.ts";
import { onDrop } from "./drop.ts";
import { ModelBar } from "./model-bar.ts";
import { element, onChosen } from "./page.ts";
import { onTab, showTab, type TabName } from "./tabs.ts";

const connection = new Connection();
const formOf = (tab: TabName): HTMLFormElement | null => element(`panel-${tab}`).querySelector("form");
const model = new ModelBar(connection, formOf("draw")!);
let shown: TabName = "draw";

const once = <T>(open: () => Promise<T>): (() => Promise<T>) => {
  let opened: Promise<T> | undefined;
  return () => (opened ??= open());
};

/** Opens a tab when it is first shown; the code of all but the first is loaded then. */
const open = {
  draw: once(async () => openDraw(connection)),
  forward: once(async () => (await import("./forward/tab.ts")).openForward()),
  inspect: once(async () => (await import("./inspect/tab.ts")).openInspect(connection, model.facts)),
  train: once(async () => {
    const { openTrain } = await import("./train/tab.ts");
    return openTrain(connection, (name, checkpoint) => {
      choose("draw");
      model.loadFile(new File([checkpoint], name));
    });
  }),
} satisfies Record<TabName, () => Promise<unknown>>;

function show(tab: TabName): void {
  shown = tab;
  showTab(tab);
  void open[tab]();
}

function choose(tab: TabName): void {
  show(tab);
  writeAddress(tab, formOf(tab), "new");
}

function followAddress(): void {
  const { tab, settings } = readAddress();
  const form = formOf(tab);
  if (form) restore(form, settings);
  show(tab);
  if (tab === "draw") model.loadBundled(settings.get("model") ?? "");
}

/** Brings each file to where it belongs, and the person to a tab that shows what came of it. */
async function take(files: readonly File[]): Promise<void> {
  const image = files.find(({ type }) => type.startsWith("image/"));
  const log = files.find(({ name }) => name.endsWith(".jsonl"));
  const checkpoint = files.find((file) => file !== image && file !== log);
  if (image) {
    if (shown !== "draw" && shown !== "forward") choose("forward");
    (await open[shown === "draw" ? "draw" : "forward"]()).take(image);
  }
  if (log) {
    if (shown !== "inspect") choose("inspect");
    void (await open.inspect()).takeLog(log);
  }
  if (checkpoint) {
    if (shown !== "inspect") choose("draw");
    model.loadFile(checkpoint);
  }
}

onTab(choose);
onDrop((files) => void take(files));
onChosen(element("file", HTMLInputElement), (files) => void take(files));
document.addEventListener("input", ({ target }) => {
  const form = formOf(shown);
  if (form && target instanceof Node && form.contains(target)) writeAddress(shown, form, "same");
});
addEventListener("popstate", followAddress);

const embedded = new URLSearchParams(location.search).get("embed");
if (embedded !== null) document.body.dataset["embedded"] = embedded;
void open.draw(); // its pictures to choose from are there before an address chooses one
followAddress();
const given = new URLSearchParams(location.search).get("checkpoint");
if (given) model.loadAddress(given);
