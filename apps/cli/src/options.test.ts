import assert from "node:assert/strict";
import { test } from "node:test";
import { fields } from "@ddpm/core/config";
import { Command } from "commander";
import { configOf, configOptions } from "./options.ts";

const command = () =>
  configOptions(
    new Command("x")
      .exitOverride()
      .configureOutput({ writeErr: () => {} })
      .option("--out <file>"),
  );
const parsed = (...args: string[]) => configOf(command().parse(args, { from: "user" }).opts());

test("help names what a key can be", () => {
  const help = command().configureHelp({ helpWidth: 10_000 }).helpInformation();
  for (const [key, { choices }] of Object.entries(fields))
    if (choices)
      assert.ok(
        help.split("\n").some((line) => line.includes(`--${key} <value>`) && line.includes(`: ${choices.join(", ")} (default`)),
        key,
      );
  assert.match(help, /--data\.flip \[value\] .*: true, false \(default true\)/);
  assert.match(help, /--train\.lr <value> +Learning rate of AdamW \(default 0\.001\)/);
  assert.match(help, /--train\.emaAlso <value> .*\(default none\)/);
});

test("a key that is true or false may stand alone", () => {
  assert.deepEqual(parsed("--diffusion.zeroTerminalSnr", "--out", "x"), { "diffusion.zeroTerminalSnr": true });
  assert.deepEqual(parsed("--train.keepBest", "--data.flip", "false"), { "train.keepBest": true, "data.flip": false });
  assert.throws(() => parsed("--data.flip", "yes"), /Expected data\.flip to be true or false but found "yes"/);
});
