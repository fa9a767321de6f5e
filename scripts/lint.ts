// deno-lint-ignore-file no-console -- a command prints
/**
 * `deno task lint`: formatting, lint, types, and the rules of the house. Types take as long as all else together, and one
 * core, so the others run beside them. What a check has to say is printed when it has ended.
 * @module
 */

import config from "../deno.json" with { type: "json" };

/** What `deno` is given. */
const LANES: readonly (readonly (readonly string[])[])[] = [
  [["check", "--quiet", "--doc", "."]],
  [
    ["fmt", "--check"],
    ["lint", "--quiet"],
    ["run", "--quiet", "-A", "scripts/check_house.ts"],
    ["doc", "--quiet", "--lint", ...Object.values(config.exports)],
  ],
];

const outcomes = await Promise.all(LANES.map(async (lane) => {
  let isGood = true;
  for (const args of lane) isGood = await check(args) && isGood;
  return isGood;
}));
Deno.exit(outcomes.every((isGood) => isGood) ? 0 : 1);

async function check(args: readonly string[]): Promise<boolean> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd: new URL("../", import.meta.url),
    stdin: "null",
  }).output();
  // Where all is well, it is the documentation itself that is printed.
  if (args[0] !== "doc") await Deno.stdout.write(stdout);
  await Deno.stderr.write(stderr);
  if (!success) console.error(`failed: deno ${args.join(" ")}`);
  return success;
}
