// Asks the registry's audit service for known vulnerabilities of what ships. Ends with 0 where there is none, 1 where there are, 2 where no service answers.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { root } from "./ddpm.mjs";

const { status, stdout, stderr } = spawnSync(join(root, "node_modules", ".bin", "pnpm"), ["audit", "--prod"], { cwd: root, encoding: "utf8" });
const said = `${stdout ?? ""}${stderr ?? ""}`.trim();
if (status === 0) {
  console.log(said);
} else if (/vulnerabilit(y|ies) found/i.test(said)) {
  console.log(said);
  console.error(
    "audit: Expected no known vulnerability but found the above; update, or add an override to pnpm-workspace.yaml, and say in SECURITY.md what stays",
  );
  process.exitCode = 1;
} else {
  const reason = said.split("\n").find((line) => /ERR_|responded|error/i.test(line)) ?? "pnpm said nothing";
  console.error(
    `audit: Expected an audit service at the registry but found none (${reason.trim()}): nothing is known. Run npm run audit where the public npm registry answers, or scan pnpm-lock.yaml with osv-scanner`,
  );
  process.exitCode = 2;
}
