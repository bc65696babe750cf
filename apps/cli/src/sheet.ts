import type { Spec } from "vega";
import { encodePng, type Picture } from "./picture.ts";

export interface SheetRow {
  /** Written above the row. */
  readonly label?: string;
  /** A picture for each column, and what is written below it. */
  readonly cells: readonly { readonly picture: Picture; readonly caption?: string }[];
}

export interface Sheet {
  readonly title: string;
  readonly subtitle: string;
  /** Written above the columns. */
  readonly columns: readonly string[];
  /** Rows alike: of pictures of one size, all with labels and captions or none. */
  readonly rows: readonly SheetRow[];
}

/** Pixels between pictures, of a line of text, above the first row, and of the narrowest sheet, so that titles have room. */
const [gap, line, top, narrowest] = [4, 16, 68, 480] as const;

const grey = "#444";

/** Pictures in rows and columns with labels, as SVG on white; one pixel of a picture is one of the sheet. */
export async function sheetSvg(sheet: Sheet): Promise<string> {
  const vega = await import("vega"); // which no other command should wait for
  return new vega.View(vega.parse(spec(sheet)), { renderer: "none" }).toSVG();
}

interface Text {
  readonly x: number;
  readonly y: number;
  readonly text: string;
  readonly align?: "center";
  readonly size?: number;
  readonly weight?: "bold";
  readonly colour?: string;
}

function spec({ title, subtitle, columns, rows }: Sheet): Spec {
  const places = placesOf(rows[0]!);
  const headings: Text[] = [
    { x: 0, y: 14, text: title, size: 16, weight: "bold" },
    { x: 0, y: 33, text: subtitle, colour: grey },
    ...columns.map((text, i) => ({ x: places.middle(i), y: top - 9, text, align: "center" }) as const),
  ];
  const [width, height] = [Math.max(places.left(columns.length) - gap, narrowest), places.top(rows.length) - gap];
  return {
    ...{ width, height, background: "white", padding: 12, autosize: "none" },
    data: [
      { name: "pictures", values: rows.flatMap((row, i) => pictures(row, i, places)) },
      { name: "texts", values: [...headings, ...rows.flatMap((row, i) => rowTexts(row, i, places))] },
    ],
    marks: [
      { type: "image", aria: false, from: { data: "pictures" }, encode: { enter: fields("x", "y", "width", "height", "url") } },
      { type: "text", aria: false, from: { data: "texts" }, encode: { enter: textFields } },
    ],
  };
}

const fields = (...names: string[]) => Object.fromEntries(names.map((name) => [name, { field: name }]));

const textFields = {
  ...fields("x", "y", "text", "align"),
  font: { value: "sans-serif" },
  fontSize: { signal: "datum.size || 12" },
  fontWeight: { signal: "datum.weight || 'normal'" },
  limit: { signal: "datum.weight ? width : 0" }, // for names of files
  fill: { signal: "datum.colour || 'black'" },
};

interface Places {
  readonly left: (column: number) => number;
  readonly middle: (column: number) => number;
  readonly top: (row: number) => number;
  /** Below the top of a row: its pictures, and the captions under them. */
  readonly pictures: number;
  readonly captions: number;
}

/** Where the parts of rows like this one stand. */
function placesOf({ label, cells: [cell] }: SheetRow): Places {
  const { width, height } = cell!.picture;
  const pictures = label === undefined ? 0 : line;
  const captions = pictures + height + line - 3;
  const rowHeight = cell!.caption === undefined ? pictures + height + gap : captions + 3 * gap;
  const left = (column: number): number => column * (width + gap);
  return { left, middle: (column) => left(column) + width / 2, top: (row) => top + row * rowHeight, pictures, captions };
}

const pictures = ({ cells }: SheetRow, row: number, places: Places) =>
  cells.map(({ picture }, i) => ({
    ...{ x: places.left(i), y: places.top(row) + places.pictures, width: picture.width, height: picture.height },
    url: `data:image/png;base64,${Buffer.from(encodePng(picture)).toString("base64")}`,
  }));

function rowTexts({ label, cells }: SheetRow, row: number, places: Places): Text[] {
  const y = places.top(row);
  const own: Text[] = label === undefined ? [] : [{ x: 0, y: y + line - 4, text: label, weight: "bold" }];
  const captions = cells.flatMap(({ caption }, i): Text[] =>
    caption === undefined ? [] : [{ x: places.middle(i), y: y + places.captions, text: caption, align: "center", size: 11, colour: grey }],
  );
  return [...own, ...captions];
}
