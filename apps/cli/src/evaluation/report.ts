import { basename, dirname, join } from "node:path";
import { writeAtomically } from "../files.ts";
import { encodePng, grid, type Picture } from "../picture.ts";
import { boundFigure } from "./bound-figure.ts";
import { type Evaluation, evaluationFile, type Result } from "./evaluation.ts";
import { qualityFigure } from "./quality-figure.ts";
import { boundTold, fidOf, nameOf, nearnessTold, othersTold, rounded } from "./told.ts";

/** Images of the report, each [height, width, channels] as bytes. */
export interface ReportImages {
  readonly shape: readonly [height: number, width: number, channels: number];
  readonly drawn: readonly Uint8Array[];
  readonly real: readonly Uint8Array[];
  /** The nearest learnt image to each drawn one. */
  readonly nearest: readonly Uint8Array[];
}

/** Writes an evaluation, its figures and report.html, one page without anything from elsewhere, into a folder. */
export async function writeReport(folder: string, evaluation: Evaluation, images: ReportImages): Promise<string> {
  const figures = {
    ...(evaluation.results.length > 1 && { "quality.svg": await qualityFigure(evaluation) }),
    ...(evaluation.bound && { "bound.svg": await boundFigure(evaluation.bound) }),
  };
  const page = join(folder, "report.html");
  await writeAtomically(join(folder, evaluationFile), `${JSON.stringify(evaluation, undefined, 2)}\n`);
  for (const [name, svg] of Object.entries(figures)) await writeAtomically(join(folder, name), svg);
  await writeAtomically(page, reportPage(evaluation, figures, images));
  return page;
}

function reportPage(evaluation: Evaluation, figures: Readonly<Record<string, string>>, images: ReportImages): string {
  const { data, model, bound, features, heldOut } = evaluation;
  const others = othersTold(evaluation);
  const title = `Evaluation of ${model ? modelTitle(model.file) : basename(evaluation.results[0]!.images)}`;
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${text(title)}</title>
<style>${style}</style>
<h1>${text(title)}</h1>
<p>Against ${text(data)}${model?.step === undefined ? "" : `, after ${model.step.toLocaleString("en")} steps of training`}.</p>
<h2>How near its pictures are to real ones</h2>
${table(evaluation)}
<p class="note">FID (Heusel et al. 2017) and KID (Bińkowski et al. 2018), in the ${features.size} features of ${text(features.name)}, from
${evaluation.real.count.toLocaleString("en")} real images${evaluation.real.mirrored ? ", mirrored ones among them as in training" : ""}. Less is better; the row of ${others} is what
nothing can be much below.${heldOut ? "" : " These data tell no images for tests apart: a model may have learnt all that stand here."} Numbers in other features, or of other sets of real images, cannot be compared with these. ± is one standard error.
The plain FID is larger the fewer the images; without that bias it is what more and more images would lead to.</p>
${figures["quality.svg"] ?? ""}
${bound ? `<h2>How well it knows images${heldOut ? " that it has not seen" : ""}</h2>\n<p>${text(boundTold(bound))}. Less is better.</p>\n${figures["bound.svg"]}` : ""}
<h2>Pictures</h2>
<div class="pair">
${figure("Drawn", gridOf(images.drawn, images.shape))}
${figure(capital(others), gridOf(images.real, images.shape))}
</div>
<h2>Are they copies?</h2>
<p>Drawn pictures, each above the image to learn from whose pixels are nearest. ${text(capital(nearnessTold(evaluation)))}, in the root mean square of
pixels in [-1, 1]: a model that copies comes much nearer than other real images do.</p>
${neighbourRows(images)}
<h2>Settings</h2>
<pre>${text(JSON.stringify({ sampling: evaluation.sampling, model }, undefined, 2))}</pre>
</html>
`;
}

/** A run is known by its folder, since all runs call their models the same. */
const modelTitle = (file: string): string => (basename(file) === "model.safetensors" ? basename(dirname(file)) : basename(file));

const style = `
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; color: #1a1a1a; background: #fff; }
table { border-collapse: collapse; } td, th { padding: .3rem .8rem; border-bottom: 1px solid #ddd; text-align: right; } td:first-child, th:first-child { text-align: left; padding-left: 0; }
.floor { color: #555; } .note { color: #555; font-size: .9rem; } .pair { display: flex; flex-wrap: wrap; gap: 2rem; } figure { margin: 0; } figcaption { font-size: .9rem; }
img { image-rendering: pixelated; max-width: 100%; } svg { max-width: 100%; height: auto; } pre { overflow: auto; background: #f5f5f5; padding: 1rem; font-size: .8rem; }
`;

const escapes: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
const text = (value: string): string => value.replace(/[&<>"]/g, (letter) => escapes[letter]!);
const capital = (value: string): string => value[0]!.toUpperCase() + value.slice(1);

function table(evaluation: Evaluation): string {
  const { floor, results } = evaluation;
  const row = (name: string, { distances }: Pick<Result, "distances">, kind = ""): string => {
    const { count, fid, kid } = distances;
    const cells = [count.toLocaleString("en"), fidOf(distances), fid?.plain.toPrecision(4) ?? "–", rounded(kid)];
    return `<tr${kind}><td>${text(name)}</td>${cells.map((cell) => `<td>${cell}</td>`).join("")}</tr>`;
  };
  const rows = [...results.map((result) => row(nameOf(result), result)), row(othersTold(evaluation), { distances: floor }, ' class="floor"')];
  return `<table><tr><th></th><th>images</th><th>FID</th><th>plain FID</th><th>KID</th></tr>\n${rows.join("\n")}\n</table>`;
}

const figure = (caption: string, picture: Picture): string => `<figure>${image(picture, caption)}<figcaption>${caption}</figcaption></figure>`;

const image = (picture: Picture, alt: string): string =>
  `<img alt="${text(alt)}" width="${picture.width}" height="${picture.height}" src="data:image/png;base64,${Buffer.from(encodePng(picture)).toString("base64")}">`;

function gridOf(images: readonly Uint8Array[], [height, width, channels]: ReportImages["shape"], columns = 8): Picture {
  const values = Float32Array.from(Buffer.concat(images), (byte) => byte / 127.5 - 1);
  return grid(values, images.length, height, width, channels, { columns, scale: Math.max(1, Math.floor(56 / Math.max(height, width))) });
}

/** A row of drawn images above a row of their neighbours, and so on. */
function neighbourRows({ drawn, nearest, shape }: ReportImages): string {
  const [most, columns] = [24, 12];
  const rows = Array.from({ length: Math.ceil(Math.min(most, drawn.length) / columns) }, (_, row) => {
    const part = (images: readonly Uint8Array[]): Uint8Array[] => images.slice(row * columns, Math.min((row + 1) * columns, most));
    return `<p>${image(gridOf([...part(drawn), ...part(nearest)], shape, part(drawn).length), "drawn above, the nearest to learn from below")}</p>`;
  });
  return rows.join("\n");
}
