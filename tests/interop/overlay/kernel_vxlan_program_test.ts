/**
 * Interoperability of a program's own networks with the vxlan device of the Linux kernel, over veth. The program has no
 * privilege, no device and no agent.
 * @module
 */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { CapturedProcess, Lab, labTest, PACKET_PLANE, untilPrinted } from "../../lab/mod.ts";
import { untilReached, vxlanTo } from "./plain_hosts.ts";

labTest(
  "a program without privileges and the kernel's vxlan: ARP, the longest packets, and nothing of strangers",
  [...PACKET_PLANE, "setpriv"],
  async () => {
    await using lab = await Lab.create(["A", "B", "C"]);
    const [a, b, c] = [lab.host("A"), lab.host("B"), lab.host("C")];
    for (const [host, address] of [[a, "10.9.0.1/24"], [c, "10.9.0.3/24"]] as const) {
      await vxlanTo(host, { identifier: 42, address, options: `remote ${b.address4}` });
    }
    const module = fileURLToPath(new URL("./echo_program.ts", import.meta.url));
    const drop = ["setpriv", "--bounding-set", "-all", "--inh-caps", "-all"];
    const run = [
      Deno.execPath(),
      "run",
      "--quiet",
      "--no-prompt",
      "--no-check",
      "--allow-net",
      "--allow-read",
    ];
    const args = [a.address4, "02:00:00:00:00:02", "10.9.0.2"];
    const program = lab.use(
      new CapturedProcess(b.namespace.command([...drop, ...run, module, ...args]), { label: "manager" }),
    );
    assert.equal(await untilPrinted(program, "ready"), "1450");
    await untilReached(a.namespace, "10.9.0.2");
    for (const size of [56, 1422]) {
      const ping = [
        "ping",
        "-q",
        "-c",
        "20",
        "-i",
        "0.01",
        "-W",
        "2",
        "-M",
        "do",
        "-s",
        `${size}`,
        "10.9.0.2",
      ];
      assert.match(await a.namespace.expectRun(ping), / 0% packet loss/);
    }
    const stranger = await c.namespace.run(["ping", "-c", "2", "-i", "0.1", "-W", "1", "10.9.0.2"]);
    assert.notEqual(stranger.code, 0);
  },
);
