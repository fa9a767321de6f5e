import assert from "node:assert/strict";
import { UapiServer } from "../../lib/wg/uapi_server.ts";
import { labTest, uniqueInterfaceName } from "../lab/mod.ts";

const OPENINGS = 2000;

labTest("wg, which removes sockets that refuse it, never meets one of ours", ["root", "wg"], async () => {
  const name = uniqueInterfaceName();
  const looking = new Deno.Command("sh", {
    args: ["-c", `while :; do wg show ${name}; done`],
    stdout: "null",
    stderr: "null",
  }).spawn();
  try {
    for (let opening = 0; opening < OPENINGS; opening++) {
      const server = await UapiServer.open(name, { get: unused, set: unused });
      assert.equal(server.isRemoved, false, `opening ${opening}`);
      server.close();
    }
  } finally {
    looking.kill();
    await looking.status;
  }
});

function unused(): never {
  throw new Error("nobody asks");
}
