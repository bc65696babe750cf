import type { Config } from "@ddpm/core";
import { configKeys, fields } from "@ddpm/core/config";
import type { Connection } from "../connection.ts";
import { lossChart } from "../loss-chart.ts";
import { bytesOf, largest } from "../opening.ts";
import { element, make, onChosen, tell } from "../page.ts";
import type { ModelFacts, TensorFacts } from "../protocol.ts";
import { lossesOf } from "./log.ts";

const message = element("log-message");

/** Makes the Inspect tab live, with the model that is loaded if one is; the answer takes a log that is dropped. */
export function openInspect(connection: Connection, facts: ModelFacts | undefined): { takeLog(file: File): Promise<void> } {
  if (facts) showModel(facts);
  connection.listen({ loaded: ({ model }) => showModel(model) });
  onChosen(element("log", HTMLInputElement), ([file]) => void takeLog(file!));
  return { takeLog };
}

let losses: ReturnType<typeof lossChart> | undefined;

/** Shows a log's curve in place of the one before, which stays where the new log is no good. */
async function takeLog(file: File): Promise<void> {
  try {
    const log = lossesOf(new TextDecoder().decode(await bytesOf(file, largest.log)));
    losses ??= lossChart(element("log-chart"));
    losses.show(log.steps, log.losses);
    tell(message, `${file.name}: ${log.steps.length.toLocaleString("en")} steps, the last with loss ${log.losses.at(-1)!.toPrecision(4)}`);
  } catch (error) {
    tell(message, `${file.name}: ${(error as Error).message}${losses ? " (the curve before stays)" : ""}`, "error");
  }
}

function showModel({ name, config, parameters, trained, bytes, tensors }: ModelFacts): void {
  const whole = (x: number): string => x.toLocaleString("en");
  const facts = make("dl");
  const pairs = {
    File: name,
    Size: `${whole(bytes)} bytes`,
    Parameters: whole(parameters),
    Tensors: whole(tensors.length),
    "Trained for": `${whole(trained)} steps`,
  };
  for (const [term, text] of Object.entries(pairs)) facts.append(make("div", make("dt", term), make("dd", text)));
  element("facts").replaceChildren(
    make("h2", "Model"),
    facts,
    make("h2", "Configuration"),
    table(["Key", "Value", "What it is"], configRows(config), "Configuration"),
    make("h2", "Tensors"),
    table(["Name", "Shape", "Type", "Mean", "Deviation", "Least", "Greatest"], tensors.map(tensorRow), "Tensors"),
  );
}

const configRows = (config: Config): string[][] => configKeys.map((key) => [key, String(config[key]).replaceAll(",", ", "), fields[key].help]);

function tensorRow({ name, shape, dtype, mean, deviation, least, greatest }: TensorFacts): string[] {
  return [name, shape.join("×"), dtype, ...[mean, deviation, least, greatest].map((x) => x.toPrecision(3))];
}

/** A table that scrolls within itself where the page is narrow; so it must be reachable by key. */
function table(heads: readonly string[], rows: readonly (readonly string[])[], name: string): HTMLElement {
  const head = make("thead", make("tr", ...heads.map((text) => Object.assign(make("th", text), { scope: "col" }))));
  const body = make(
    "tbody",
    ...rows.map(([first, ...rest]) => make("tr", Object.assign(make("th", first!), { scope: "row" }), ...rest.map((text) => make("td", text)))),
  );
  const frame = Object.assign(make("div", make("table", head, body)), { className: "scroll", tabIndex: 0 });
  frame.setAttribute("role", "region");
  frame.setAttribute("aria-label", name);
  return frame;
}
