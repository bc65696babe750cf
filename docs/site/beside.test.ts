import assert from "node:assert/strict";
import { test } from "node:test";
import markdownIt from "markdown-it";
import { beside } from "./beside.ts";
import { withPolicy } from "./policy.ts";

const render = (text: string): string => markdownIt({ html: true }).use(beside).render(text);

test("an equation fence sets a formula and its number above the lines that compute it", () => {
  const html = render("```equation eq. 4\n\\x_t\n@ core/diffusion qSample\n```\n");
  assert.match(
    html,
    /^<figure class="equation"><div class="formula"><span v-pre tabindex="0" class="katex-display">.*<span class="number">eq\. 4<\/span>/,
  );
  assert.match(html, /<a href="\/source\/packages\/core\/src\/diffusion\.ts\.md#l\d+">diffusion\.ts, line \d+<\/a>/);
  assert.match(html, /<pre><code class="language-ts">\/\*\* Eq\. 4: [\s\S]*export const qSample/);
});

test("a fence of another kind stays as it is", () => assert.match(render("```ts\n@ core/diffusion qSample\n```\n"), /^<pre>.*@ core\/diffusion/));

test("a reference that is none, and TeX that is none, are errors", () => {
  assert.throws(
    () => render("```quote\n@ qSample\n```\n"),
    /Expected package\/file and a declaration but found qSample; write it as core\/diffusion qSample/,
  );
  assert.throws(() => render("```equation\n\\frac{1}\n```\n"), /KaTeX parse error/);
});

test("withPolicy() allows a page's inline scripts by what they are, and no others", () => {
  const page = withPolicy('<head><meta charset="utf-8"><script>f()</script><script src="a.js"></script></head>');
  assert.match(
    page,
    /^<head><meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'self' 'sha256-[^' ]+'; style-src 'self';/,
  );
});
