import assert from "node:assert/strict";
import { runOptions } from "./own_command.ts";

const root = new URL("../../", import.meta.url);

Deno.test("runOptions() are those of bin/weft and of the tasks", async () => {
  // The sources have a configuration that says what they use beyond what is stable.
  const isUnstable = (option: string) => option.startsWith("--unstable-");
  const options = runOptions().filter((option) => !isUnstable(option)).join(" ");
  const launcher = await Deno.readTextFile(new URL("bin/weft", root));
  const lines = launcher.replace(/\\\n */g, "");
  assert.ok(lines.includes(`exec "$deno" run ${options} --lock "$lock" "$root/main.ts" "$@"`));
  // The bundle has no configuration beside it.
  assert.ok(lines.includes(`exec "$deno" run ${runOptions().join(" ")} --no-config "$program/main.js" "$@"`));
  const { tasks, unstable } = JSON.parse(await Deno.readTextFile(new URL("deno.json", root)));
  assert.deepEqual(runOptions().filter(isUnstable), unstable.map((name: string) => `--unstable-${name}`));
  assert.equal(tasks.weft.command, `deno run ${options} main.ts`);
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
