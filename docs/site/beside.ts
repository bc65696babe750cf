/** Two fences of our own: `equation` sets a formula beside the lines that implement it, `quote` shows lines alone. Both take the lines from the sources. */

import { formula } from "./formula.ts";
import type { MarkdownIt, StateCore, Token } from "./markdown.ts";
import { quote } from "./quote.ts";

/** Makes fences with these names what they stand for. Throws an Error that names the page where one cannot be made. */
export function beside(md: MarkdownIt): void {
  md.core.ruler.after("block", "beside", (state) => {
    state.tokens = state.tokens.flatMap((token) => (token.type === "fence" ? made(token, state) : [token]));
  });
}

function made(token: Token, state: StateCore): Token[] {
  const [kind, ...words] = token.info.trim().split(" ");
  if (kind !== "equation" && kind !== "quote") return [token];
  const lines = token.content.trimEnd().split("\n");
  const tex = lines.filter((line) => !line.startsWith(marker));
  const quotes = lines.filter((line) => line.startsWith(marker)).flatMap((line) => quoted(line.slice(marker.length), state));
  if (kind === "quote") return quotes;
  return [
    html(state, `<figure class="equation"><div class="formula">${formula(tex.join("\n"), { display: true })}${numbered(words.join(" "))}</div>`),
    ...quotes,
    html(state, "</figure>"),
  ];
}

/** What a line that quotes begins with. */
const marker = "@ ";

const numbered = (text: string): string => (text === "" ? "" : `<span class="number">${text}</span>`);

/** `core/diffusion qSample`, or with the texts of the first and the last line: `core/unet unet "let h =" to "skips.push"`. */
const reference = /^(?<package>[\w-]+)\/(?<file>[\w/-]+) (?<name>[\w.-]+)(?: "(?<from>[^"]+)"(?: to "(?<to>[^"]+)")?)?$/;

/** Where the lines are, as a link, and the lines. */
function quoted(text: string, state: StateCore): Token[] {
  const groups = reference.exec(text)?.groups;
  if (!groups) throw new Error(`Expected package/file and a declaration but found ${text}; write it as core/diffusion qSample`);
  const { package: folder, file, name, from, to = from } = groups;
  const path = `packages/${folder}/src/${file}.ts`;
  const { line, code } = quote(path, name!, from === undefined ? undefined : { from, to: to! });
  const link = inline(state, `[${file}.ts, line ${line}](/source/${path}.md#l${line})`);
  const fence = new state.Token("fence", "code", 0);
  return [html(state, `<div class="where">`), link, html(state, "</div>"), Object.assign(fence, { info: "ts", content: code, markup: "```" })];
}

const html = (state: StateCore, content: string): Token => Object.assign(new state.Token("html_block", "", 0), { content });

const inline = (state: StateCore, content: string): Token => Object.assign(new state.Token("inline", "", 0), { content, children: [] });
