import assert from "node:assert/strict";
import { missingAgentHint, runningAgents } from "./missing_agent.ts";

const head = "Num       RefCount Protocol Flags    Type St Inode Path\n";
const line = (path: string) => `ffff8881: 00000002 00000000 00010000 0001 01 12345 ${path}\n`;

Deno.test("runningAgents() finds agents by their two sockets", () => {
  const sockets = head + line("/var/lib/weft/control.sock") + line("/var/lib/weft/programs.sock") +
    line("/run/other/control.sock") + line("@abstract/control.sock") + line("/a b/programs.sock") +
    line("/a b/control.sock") + "ffff8881: 00000002 00000000 00010000 0001 01 12345\n";
  assert.deepEqual(runningAgents(sockets), ["/a b", "/var/lib/weft"]);
  assert.deepEqual(runningAgents(""), []);
});

Deno.test("missingAgentHint() promises no start where the node may have left its network", async () => {
  const directory = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${directory}/weft.db`, "a state");
    assert.match(
      missingAgentHint(directory, ""),
      /`weft up --state \S+` starts it if it is a member still/,
    );
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("missingAgentHint() says where an agent runs, and as whom to ask it", () => {
  const both = (directory: string) => line(`${directory}/control.sock`) + line(`${directory}/programs.sock`);
  assert.equal(
    missingAgentHint("/home/u/.local/state/weft", both("/nonexistent/it's")),
    "One runs with /nonexistent/it's: `sudo weft status --state '/nonexistent/it'\\''s'` asks it.",
  );
  assert.match(missingAgentHint("/nonexistent", both("/nonexistent")), /no node in that directory/);
  assert.match(missingAgentHint("/nonexistent", both("/srv/lab")), /no node in that directory/);
  assert.equal(
    missingAgentHint("/nonexistent", both("/srv/lab") + both("/var/lib/weft")),
    "One runs with /var/lib/weft: `sudo weft status` asks it.",
  );
  assert.match(missingAgentHint("/nonexistent", ""), /`weft --leader`.*`weft --join TOKEN`.*`weft up`/);
});
