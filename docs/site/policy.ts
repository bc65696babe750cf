/** What the pages may do wherever they are hosted: run what is their own and show the playground that comes with them. Nothing comes from elsewhere. */
import { createHash } from "node:crypto";

const policy = (scripts: readonly string[]): string =>
  [
    "default-src 'none'",
    `script-src ${["'self'", ...scripts].join(" ")}`,
    "style-src 'self'",
    "style-src-attr 'unsafe-inline'", // KaTeX places signs, and Shiki colours words, by attributes
    "img-src 'self' data:",
    "font-src 'self'",
    "connect-src 'self'",
    "frame-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");

/** A built page with the policy in its head, which allows the page's own inline scripts by what they are. */
export function withPolicy(page: string): string {
  const inline = [...page.matchAll(/<script(?![^>]*\ssrc=)[^>]*>([\s\S]*?)<\/script>/g)].map(([, text]) => text!);
  const hashes = inline.map((text) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`);
  const content = policy([...new Set(hashes)]);
  return page.replace("<meta charset", `<meta http-equiv="Content-Security-Policy" content="${content}">\n    <meta charset`);
}
