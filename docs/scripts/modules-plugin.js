// A plugin of TypeDoc: a module is called by its package and file, and told by the comment that its file begins with. What comes with
// TypeScript has no page to link to, and options that are taken apart at once have a name.
import { readFileSync } from "node:fs";
import { Comment, Converter, ReflectionKind } from "typedoc";

/** @param {import("typedoc").Application} app */
export function load(app) {
  app.converter.on(Converter.EVENT_CREATE_DECLARATION, (context, reflection) => {
    if (!reflection.kindOf(ReflectionKind.Module)) return;
    reflection.name = reflection.name.replace(/\/(src|mod$)/, "");
    const file = context.getSymbolFromReflection(reflection)?.declarations?.[0]?.getSourceFile().fileName;
    const text = file && /^\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\n(?!export )/.exec(readFileSync(file, "utf8"))?.[1]; // else it is a declaration's
    if (text) reflection.comment = new Comment([{ kind: "text", text: text.replaceAll(/^\s*\* ?/gm, "").trim() }]);
  });
  app.converter.on(Converter.EVENT_RESOLVE_END, ({ project }) => {
    for (const reflection of Object.values(project.reflections)) {
      if (reflection.sources?.[0]?.fullFileName.includes("/node_modules/typescript/")) delete reflection.sources;
      if (reflection.name === "__namedParameters") reflection.name = "options";
    }
  });
}
