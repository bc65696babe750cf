import katex from "katex";

/** Formulas that are typed often. */
const macros = {
  "\\x": "\\mathbf{x}",
  "\\z": "\\mathbf{z}",
  "\\eps": "\\boldsymbol{\\epsilon}",
  "\\I": "\\mathbf{I}",
  "\\N": "\\mathcal{N}",
  "\\abar": "\\bar\\alpha",
  "\\E": "\\mathbb{E}",
};

/** TeX as HTML, with MathML for those who hear it. Throws an Error for TeX that is none, and for what KaTeX warns of. */
export function formula(tex: string, { display = false } = {}): string {
  const html = katex.renderToString(tex.trim(), { displayMode: display, macros: { ...macros }, strict: "error", throwOnError: true });
  return html.replace("<span", display ? '<span v-pre tabindex="0"' : "<span v-pre"); // one too wide for a phone is scrolled, also by keys
}
