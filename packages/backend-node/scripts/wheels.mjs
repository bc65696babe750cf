// Writes src/wheels.json, the wheels that `ddpm setup` may fetch with their checksums, as pip resolves them: node scripts/wheels.mjs VERSION
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const platforms = ["manylinux_2_28_x86_64", "manylinux_2_27_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64", "manylinux1_x86_64"];
const python = ["--only-binary=:all:", "--python-version", "3.12", "--implementation", "cp", ...platforms.flatMap((name) => ["--platform", name])];

const version = process.argv[2];
if (!version) throw new Error("Expected TensorFlow's version, for example 2.21.0");
const ofInterest = /^(tensorflow(-cpu)?|nvidia-.*)$/;
const wheels = {
  cpu: resolve(`tensorflow-cpu==${version}`, "--no-deps"),
  cuda: resolve(`tensorflow[and-cuda]==${version}`).filter(({ name }) => ofInterest.test(name)),
};
wheels.cuda.sort((a, b) => Number(a.name !== "tensorflow") - Number(b.name !== "tensorflow") || a.name.localeCompare(b.name));
writeFileSync(new URL("../src/wheels.json", import.meta.url), `${JSON.stringify(wheels, undefined, 2)}\n`);

function resolve(requirement, ...flags) {
  const folder = mkdtempSync(join(tmpdir(), "ddpm-wheels-"));
  const report = join(folder, "report.json");
  try {
    const options = ["--dry-run", "--quiet", "--ignore-installed", "--target", folder, "--report", report];
    execFileSync("python3", ["-m", "pip", "install", ...options, ...python, ...flags, requirement], { stdio: "inherit" });
    return JSON.parse(readFileSync(report, "utf8")).install.map(({ metadata: { name, version }, download_info: { url, archive_info } }) => ({
      name: name.replaceAll("_", "-"),
      version,
      file: decodeURIComponent(url.split("/").at(-1)),
      sha256: archive_info.hashes.sha256,
    }));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
