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

labTest(
  "a server that ran out of descriptors answers wg when there are some again",
  ["root", "wg"],
  async () => {
    const name = uniqueInterfaceName();
    const picture = { privateKey: undefined, listenPort: 51820, fwmark: 0, peers: [] };
    const server = await UapiServer.open(name, { get: () => picture, set: unused });
    try {
      // The shell's parent is this process; what it has stays open.
      const { stdout } = await new Deno.Command("sh", {
        args: [
          "-c",
          `limit=$(prlimit --pid $PPID --nofile --output SOFT --noheadings)
        prlimit --pid $PPID --nofile=3:
        timeout 0.3 wg show ${name} listen-port
        prlimit --pid $PPID --nofile=$limit:
        timeout 3 wg show ${name} listen-port`,
        ],
      }).output();
      assert.match(new TextDecoder().decode(stdout), /51820\n$/);
    } finally {
      server.close();
    }
  },
);

function unused(): never {
  throw new Error("nobody asks");
}
