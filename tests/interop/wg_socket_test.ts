import assert from "node:assert/strict";
import { UapiServer } from "../../lib/uapi/uapi_server.ts";
import {
  expectRun,
  labTest,
  NetworkNamespace,
  PACKET_PLANE,
  uniqueInterfaceName,
  WgDevice,
} from "../lab/mod.ts";

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
  "weft wg that ran out of descriptors answers wg when there are some again",
  [...PACKET_PLANE, "wg"],
  async () => {
    await using host = await NetworkNamespace.create("short");
    await using device = await WgDevice.start(host, { implementation: "weft", port: 51823 });
    const pid = String(device.process.pid);
    const ask = (seconds: string) => host.run(["timeout", seconds, "wg", "show", device.name, "listen-port"]);
    const limit = (await expectRun(["prlimit", "--pid", pid, "--nofile", "--output", "SOFT", "--noheadings"]))
      .trim();
    // What it has stays open.
    await expectRun(["prlimit", "--pid", pid, "--nofile=3:"]);
    const refused = await ask("0.3");
    await expectRun(["prlimit", "--pid", pid, `--nofile=${limit}:`]);
    assert.equal(refused.stdout, "");
    assert.match((await ask("3")).stdout, /^51823$/m);
  },
);

function unused(): never {
  throw new Error("nobody asks");
}
