// Every error says what was expected, what was found and what to do, and a test expects words of it that no other error has. "Cannot …" is a fault of the
// code, which people are asked to report, and a beginning in lower case is a reason that another error tells: neither says what to do.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { parseSync, Visitor } from "oxc-parser";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const files = ["packages", "apps", "e2e"].flatMap((folder) => sources(join(root, folder)));
const isTest = (path) => /\.(test|spec)\.ts$/.test(path);
const messages = files.filter((path) => /\/(src|bin)\//.test(path) && !isTest(path)).flatMap(messagesOf);
const tested = files.filter(isTest).flatMap(textsOf).join("\n");

const faults = messages.flatMap((message) => {
  const missing = [isComplete(message) || "what was expected, what was found and what to do", isTested(message) || "a test of its words"];
  return missing.filter((fault) => fault !== true).map((fault) => `${message.place}: Expected an error with ${fault} but found: ${message.text}`);
});
for (const fault of faults) console.error(fault);
process.exitCode = faults.length > 0 ? 1 : 0;

/** What a file tells of errors: the text of each new …Error and each that begins as one, and what is put into one by a function. "…" stands for values. */
function messagesOf(path) {
  const source = readFileSync(path, "utf8");
  const found = new Map();
  const add = (node, kind, text = textOf(node)) => {
    const place = `${relative(root, path)}:${source.slice(0, node.start).split("\n").length}`;
    if (/[a-z]{2}/.test(text)) found.set(node.start, { place, kind, text: text.replaceAll(/…+/g, "…") });
  };
  const addText = (node) => {
    if (!found.has(node.start) && textOf(node).startsWith("Expected ")) add(node, "Error");
  };
  new Visitor({
    NewExpression({ callee, arguments: [message] }) {
      if (/Error$/.test(callee.name) && message) add(message, callee.name);
    },
    ThrowStatement({ argument }) {
      if (argument.type === "CallExpression") add(argument, "part", argument.arguments.map(textOf).join("…"));
    },
    Literal: addText,
    TemplateLiteral: addText,
  }).visit(parseSync(path, source).program);
  return [...found.values()];
}

function textOf(node) {
  if (node.type === "Literal") return String(node.value);
  if (node.type === "TemplateLiteral") return node.quasis.map(({ value }) => value.cooked).join("…");
  return node.type === "BinaryExpression" ? textOf(node.left) + textOf(node.right) : "…";
}

function isComplete({ kind, text }) {
  if (kind === "part" || isFaultOfCode(text) || /^[a-z]/.test(text)) return true;
  if (!text.includes("Expected ") && /(^|: )…(;|$)/.test(text)) return true; // passes another error on
  if (kind === "InvalidArgumentError") return text.startsWith("Expected "); // commander says what was found, and --help
  return /^(…: )?Expected .+ but .+; ./.test(text) || /^(…: )?Expected .+ to be .+ but found /.test(text);
}

function isTested({ text }) {
  const others = messages.filter((other) => other.text !== text);
  const telling = phrasesOf(text).filter((phrase) => !others.some((other) => other.text.includes(phrase)));
  if (isFaultOfCode(text) || phrasesOf(text).length === 0) return true; // of the latter what is put in has words
  return telling.some((phrase) => tested.includes(phrase));
}

function isFaultOfCode(text) {
  return /^(…: )?Cannot /.test(text);
}

/** Words in a row without a value between: three or more from a beginning, else four, unless so many are nowhere. */
function phrasesOf(text) {
  const rows = text.split("…").flatMap((piece) => {
    const words = piece.split(" ").filter((word) => /\w/.test(word));
    return words.flatMap((_, i) => words.slice(i + 2).map((_, j) => words.slice(i, i + 3 + j)));
  });
  const long = rows.filter((words) => words[0] === "Expected" || words.length > 3);
  return (long.length > 0 ? long : rows).map((words) => words.join(" "));
}

/** The texts and patterns of a test. */
function textsOf(path) {
  const texts = [];
  new Visitor({
    Literal({ value, regex }) {
      texts.push(regex ? regex.pattern.replaceAll(/\\(\W)/g, "$1") : String(value));
    },
    TemplateElement({ value }) {
      texts.push(value.cooked);
    },
  }).visit(parseSync(path, readFileSync(path, "utf8")).program);
  return texts;
}

function sources(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (["node_modules", "dist"].includes(entry.name)) return [];
    const path = join(folder, entry.name);
    return entry.isDirectory() ? sources(path) : /\.(ts|js)$/.test(path) ? [path] : [];
  });
}
