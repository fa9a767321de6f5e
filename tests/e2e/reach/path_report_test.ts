/**
 * What people are told of the way that packets take, as it goes from bad to worse.
 * @module
 */

import assert from "node:assert/strict";
import {
  Lab,
  labTest,
  type MeshNode,
  PACKET_PLANE,
  startMesh,
  untilAllKnowAll,
  waitFor,
} from "../../lab/mod.ts";

/** Searches take 4 s, and health is probed every 10 s. */
const BOUND_MS = 40_000;

labTest(
  "weft peers, ping and doctor name the way of packets, and say why it is no direct one",
  [...PACKET_PLANE, "nft"],
  async (test) => {
    await using lab = await Lab.create(["A", "B", "C"]);
    const { nodes } = await startMesh(lab, ["A", "B", "C"]);
    const [, b, c] = nodes as [MeshNode, MeshNode, MeshNode];
    await untilAllKnowAll(nodes);
    const until = async (pattern: RegExp): Promise<string> => {
      let said = "";
      const isSaid = async () => {
        // What is not in use is not looked for.
        await b.host.namespace.run(["ping", "-c", "1", "-W", "1", c.address]);
        said = (await b.weft.command("ping", "c")).stdout;
        return pattern.test(said);
      };
      await waitFor(isSaid, BOUND_MS, { what: `${pattern} is said` }).catch((cause) => {
        throw new Error(said, { cause });
      });
      return said;
    };

    await test.step("direct, with its MTU", async () => {
      await until(/^c answers in \S+ ms, direct \S+, MTU 1\d+, handshake/);
      assert.match(
        await b.weft.expectCommand("peer", "show", "c"),
        /^path +direct \S+, round trip .*MTU 1\d+/m,
      );
    });

    await test.step("a relay, where datagrams between the two are dropped", async () => {
      const [four, six] = [`ip saddr ${b.host.address4}`, `ip6 saddr ${b.host.address6}`];
      const rules =
        `table inet between { chain in { type filter hook input priority 0; ${four} udp dport != 53 drop; ` +
        `${six} udp dport != 53 drop; }; }`;
      await c.host.namespace.expectRun(["nft", rules]);
      const said = await until(/relay by a\b[^]*not direct: c has not answered at /);
      assert.match(said, /\nnot direct: .*: a NAT or a firewall is between\n$/);
      assert.match(await b.weft.expectCommand("peers"), /^c +\S+ +healthy +relay by a /m);
      assert.match(
        await b.weft.get("/metrics"),
        /^weft_peer_path\{peer="c",id="\w+",kind="relay",via="a"\} 1$/m,
      );
    });

    await test.step("a stream, where all datagrams are dropped", async () => {
      const rules = "table inet shut { chain in { type filter hook input priority 0; " +
        'iifname "eth0" meta l4proto udp drop; }; }';
      await b.host.namespace.expectRun(["nft", rules]);
      await until(/answers in \S+ ms, stream\b[^]*UDP seems to be blocked/);
      const { code, stdout } = await b.weft.command("doctor");
      assert.equal(code, 1);
      assert.match(stdout, /^problem +UDP +.*UDP seems to be blocked$/m);
    });
  },
);
