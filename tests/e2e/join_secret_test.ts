/**
 * Where the token of a join can be read: in nothing that the system shows of any process, however it was given.
 * @module
 */

import assert from "node:assert/strict";
import {
  CapturedProcess,
  createScratch,
  labTest,
  loopbackArgs,
  thisMachine,
  weftCommand,
  WeftNode,
} from "../lab/mod.ts";

/** @returns the processes whose arguments or environment have the text, as far as they may be read */
function processesWith(text: string): readonly string[] {
  const found: string[] = [];
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    for (const file of ["cmdline", "environ"]) {
      try {
        if (Deno.readTextFileSync(`/proc/${name}/${file}`).includes(text)) found.push(`${name} ${file}`);
      } catch {
        // Gone meanwhile.
      }
    }
  }
  return found;
}

labTest("a token given to weft --join is in no list of processes once it starts", ["bash"], async (test) => {
  await using stack = new AsyncDisposableStack();
  const { path: scratch } = stack.use(await createScratch("join-secret"));
  const options = (name: string) => ({ name, stateDir: `${scratch}/${name}`, args: loopbackArgs() });
  const lead = stack.use(new WeftNode(thisMachine, options("lead")));
  const token = await lead.startLeader();
  const secret = token.slice(-24);

  await test.step("as an argument", async () => {
    const node = stack.use(new WeftNode(thisMachine, options("direct")));
    await node.start("--join", token);
    assert.deepEqual(processesWith(secret), []);
    assert.equal(node.process.stderr.includes("read the token"), false, node.process.stderr);
  });

  await test.step("on standard input, and by a file", async () => {
    const path = `${scratch}/token`;
    await Deno.writeTextFile(path, `${token}\n`, { mode: 0o600 });
    for (const given of [["--join", "-"], ["--join-file", path]]) {
      const { name, stateDir, args } = options(`by-${given[0]?.slice(2)}`);
      const line = weftCommand(...given, "--name", name, "--state", stateDir, ...args);
      const process = stack.use(
        new CapturedProcess(["bash", "-c", 'exec "$@" < "$0"', path, ...line], {
          label: name,
          env: { NO_COLOR: "1", WEFT_DISCOVERY: "no" },
        }),
      );
      await process.until(({ stdout }) => stdout.includes(`${name} is `), 20_000, "it runs");
      assert.deepEqual(processesWith(secret), []);
    }
  });
});
