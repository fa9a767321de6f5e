import assert from "node:assert/strict";
import { createScratch, labTest, loopbackArgs, run, thisMachine, weftCommand, WeftNode } from "../lab/mod.ts";

/** A command that does not end by itself is ended then (timeout(1)). */
const BOUND_SECONDS = "15";

/** Runs a command in a shell; `WEFT` in it is weft's own command line for the agent. */
async function inShell(node: WeftNode, line: string) {
  const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
  const weft = (command: string) =>
    weftCommand(...command.trim().split(" "), "--state", node.stateDir).map(quoted).join(" ");
  const script = line.replace(/WEFT([^|>]+)/g, (_, command) => `${weft(command)} `);
  return await run(["timeout", BOUND_SECONDS, "bash", "-c", `set -o pipefail; ${script}`]);
}

labTest(
  "weft: a command ends when nobody reads what it prints, and says when it can't print",
  ["bash", "timeout"],
  async () => {
    await using stack = new AsyncDisposableStack();
    const { path } = stack.use(await createScratch("closed-output"));
    const node = stack.use(
      new WeftNode(thisMachine, { name: "lead", stateDir: `${path}/lead`, args: loopbackArgs() }),
    );
    await node.startLeader();

    const ended = await inShell(node, "WEFT status --watch | head -1");
    assert.deepEqual([ended.code, ended.stderr], [0, ""]);
    assert.match(ended.stdout, /^node +lead, leader, .*\n$/);
    // Nothing more comes: they end without a line that they could not write.
    for (const command of ["audit --follow", "logs --follow", "subscribe quiet/topic"]) {
      const silent = await inShell(node, `WEFT ${command} | sleep 0.1`);
      assert.deepEqual([silent.code, silent.stderr], [0, ""], command);
    }
    const full = await inShell(node, "WEFT token list > /dev/full");
    assert.equal(full.code, 1);
    assert.match(full.stderr, /^weft: Cannot write the output: No space left on device\nhint: .+\n$/);
  },
);
