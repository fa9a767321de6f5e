import assert from "node:assert/strict";
import { createScratch, labTest, run } from "../lab/mod.ts";
import { packageVersion } from "../../scripts/release/mod.ts";
import { smokeTest } from "../../scripts/release/smoke.ts";
import { linkedProgram, ROOT } from "./linked_program.ts";

/** What main.ts tells people to install, apart from the package's name. */
const FLAGS = ["--allow-all", "--unstable-net", "--unstable-no-legacy-abort"] as const;

Deno.test("main.ts and the exports of deno.json say how the command is installed", async () => {
  const { name, exports } = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));
  assert.equal(exports["./cli"], "./main.ts");
  const text = (await Deno.readTextFile(`${ROOT}main.ts`)).replace(/\n \* */g, " ");
  assert.ok(text.includes(`deno install --global ${FLAGS.join(" ")} --name weft jsr:${name}/cli `), text);
});

labTest("the package's command works without the package's configuration", ["linux"], async () => {
  await using program = await linkedProgram();
  await using scratch = await createScratch("command");
  // What `deno install` writes for a package of JSR; the configuration has nothing but the link to this tree.
  const config = `${program.path}/deno.json`;
  const command = [Deno.execPath(), "run", ...FLAGS, "--config", config, `${program.specifier}/cli`];
  const weft = `${scratch.path}/weft`;
  await Deno.writeTextFile(weft, `#!/bin/sh\nexec ${command.join(" ")} "$@"\n`);
  await Deno.chmod(weft, 0o755);
  await smokeTest(await packageVersion(), weft);
});

labTest("deno install makes a command that starts", ["linux"], async () => {
  await using scratch = await createScratch("install");
  const args = ["install", "--global", ...FLAGS, "--root", scratch.path, "--name", "weft"];
  const local = ["--config", `${ROOT}deno.json`, `${ROOT}main.ts`];
  const installed = await run([Deno.execPath(), ...args, ...local], { env: { NO_COLOR: "1" } });
  assert.equal(installed.code, 0, installed.stderr);

  // The command calls `deno` by its name.
  await Deno.mkdir(`${scratch.path}/path`);
  await Deno.symlink(Deno.execPath(), `${scratch.path}/path/deno`);
  const env = { PATH: `${scratch.path}/path:${Deno.env.get("PATH")}`, NO_COLOR: "1" };
  const { code, stdout, stderr } = await run([`${scratch.path}/bin/weft`, "--version"], { cwd: "/", env });
  assert.equal(code, 0, stderr);
  assert.equal(stdout.trim(), await packageVersion());
});
