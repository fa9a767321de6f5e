import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import {
  Lab,
  labTest,
  measureThroughput,
  PACKET_PLANE,
  pingMany,
  waitFor,
  weftCommand,
  WeftNode,
} from "../lab/mod.ts";

const PROGRAM = fileURLToPath(new URL("./carrying_agent.ts", import.meta.url));
const PATIENCE_MS = 20_000;

labTest(
  "where UDP is blocked packets go by streams: to a leader, and by it to another member",
  [...PACKET_PLANE, "nft", "iperf3"],
  async (test) => {
    await using lab = await Lab.create(["L", "A", "B"]);
    const script = `${lab.scratch.path}/weft`;
    const command = weftCommand("up").slice(0, -1).map((word) => word.endsWith("/main.ts") ? PROGRAM : word);
    await Deno.writeTextFile(script, `#!/bin/sh\nexec ${command.join(" ")} "$@"\n`, { mode: 0o755 });
    const node = (name: string, carry: string): WeftNode => {
      const { namespace, folder } = lab.host(name);
      const args = ["--status-port", "off", "--no-discovery", "--dns-resolver", "off"];
      const options = { name: name.toLowerCase(), stateDir: `${folder}/state`, args, env: { CARRY: carry } };
      return lab.use(new WeftNode(namespace, { ...options, program: script }));
    };
    for (const name of ["L", "A", "B"]) {
      await lab.host(name).namespace.expectRun(["nft", "-f", await blocked(lab.scratch.path)]);
    }
    const [l, a, b] = [node("L", ""), node("A", "l>l,l>b"), node("B", "l>a")];
    const token = await l.startLeader();
    const addresses = [(await l.status()).node.addresses[0]];
    for (const member of [a, b]) addresses.push((await member.start("--join", token)).node.addresses[0]);
    const [addressL = "", , addressB = ""] = addresses;
    const hostA = lab.host("A");

    await test.step("to the leader itself", async () => {
      await a.process.until(
        ({ stdout }) => stdout.includes("carried to l\n"),
        PATIENCE_MS,
        "there is a carrier",
      );
      const reached = async () => await pingMany(hostA, addressL, 1) === 1;
      await waitFor(reached, PATIENCE_MS, { what: "it answers" });
      const { relay } = await l.status();
      assert.equal(relay?.bytes, 0);
    });

    await test.step("by the leader to another member, and TCP inside", async () => {
      await b.process.until(
        ({ stdout }) => stdout.includes("carried to a\n"),
        PATIENCE_MS,
        "there is a carrier",
      );
      const reached = async () => await pingMany(hostA, addressB, 1) === 1;
      await waitFor(reached, PATIENCE_MS, { what: "it answers" });
      const server = { place: lab.host("B").namespace, address: addressB };
      const { bytes } = await measureThroughput(hostA.namespace, server, ["-t", "2"]);
      assert(bytes > 1_000_000, `${bytes}`);
      const { relay } = await l.status();
      assert.equal(relay?.sessions, 1);
      assert((relay?.bytes ?? 0) > bytes, `${relay?.bytes}`);
    });
  },
);

/** @returns a file of rules that drop UDP, but for the loopback's own */
async function blocked(folder: string): Promise<string> {
  const path = `${folder}/blocked.nft`;
  await Deno.writeTextFile(
    path,
    `table inet blocked {
  chain input {
    type filter hook input priority 0; policy accept;
    iifname "eth0" meta l4proto udp drop
  }
}
`,
  );
  return path;
}
