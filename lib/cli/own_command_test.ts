import assert from "node:assert/strict";
import { runOptions } from "./own_command.ts";

const root = new URL("../../", import.meta.url);

Deno.test("runOptions() are those of bin/weft, of the tasks and of the binary", async () => {
  const options = runOptions().join(" ");
  const flags = runOptions().find((option) => option.startsWith("--v8-flags=")) ?? "";
  const launcher = await Deno.readTextFile(new URL("bin/weft", root));
  assert.ok(launcher.replace(/\\\n */g, "").includes(`exec "$deno" run ${options} "$root/main.ts" "$@"`));
  const { tasks } = JSON.parse(await Deno.readTextFile(new URL("deno.json", root)));
  assert.equal(tasks.weft.command, `deno run ${options} main.ts`);
  const release = await Deno.readTextFile(new URL(".github/workflows/release.yml", root));
  for (const line of [tasks.compile.command, tasks["bench:cipher"].command, release]) {
    assert.match(line, new RegExp(`${flags}\\s`));
  }
});

Deno.test("bin/weft and the gate run the same Deno", async () => {
  const launcher = await Deno.readTextFile(new URL("bin/weft", root));
  const version = /^version=(.*)$/m.exec(launcher)?.[1];
  assert.ok(version !== undefined);
  for (const path of [".ci/run", "README.md", "CONTRIBUTING.md", ".github/workflows/release.yml"]) {
    const text = await Deno.readTextFile(new URL(path, root));
    const pinned = new Set(Array.from(text.matchAll(/\bdeno@([\d.]+\d)/g), ([, each]) => each));
    assert.deepEqual([...pinned], [version], path);
  }
});
