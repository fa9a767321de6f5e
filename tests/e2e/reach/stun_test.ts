/**
 * Members that no member sees from outside their NATs, because the only leader takes no datagrams: servers of STUN that the
 * options name tell them where they are.
 * @module
 */

import assert from "node:assert/strict";
import {
  Internet,
  type InternetHost,
  labTest,
  type MeshNode,
  nodeOn,
  PACKET_PLANE,
  programsOf,
  trustedProgram,
} from "../../lab/mod.ts";

const BOUND_MS = 40_000;
const PORT = 3478;
const NO_UDP = `table inet quiet {
  chain in { type filter hook input priority 0; iifname "eth0" meta l4proto udp drop; }
  chain out { type filter hook output priority 0; oifname "eth0" meta l4proto udp drop; }
}`;

/** Two hosts of one LAN that do not hear each other there, as of a Wi-Fi that keeps its guests apart. */
async function isolate(a: InternetHost, b: InternetHost): Promise<void> {
  for (const [host, other] of [[a, b], [b, a]] as const) {
    const rules = `table ip apart { chain in { type filter hook input priority 0; ` +
      `ip saddr ${other.address4} drop; }; }`;
    await host.namespace.expectRun(["nft", rules]);
  }
}

async function join(internet: Internet, name: string, token: string, args: readonly string[]) {
  const [host, weft] = [internet.host(name), nodeOn(internet, name)];
  const status = await weft.start("--join", token, ...args);
  return { host, weft, address: status.node.addresses[0] ?? "", upMs: 0 };
}

labTest(
  "members that only servers of STUN see from outside reach each other directly, and around their common NAT",
  [...PACKET_PLANE, ...programsOf(["port-restricted-nat"])],
  async (test) => {
    await using internet = await Internet.of({
      leader: "open",
      stun: "open",
      a: "port-restricted-nat",
      b: "port-restricted-nat",
    });
    const site = await internet.addSite("hairpin", {
      nat: { mapping: "endpoint-independent", filtering: "address-dependent", hasHairpinning: true },
    });
    const [c, d] = [await internet.addHost("c", site), await internet.addHost("d", site)];
    await isolate(c, d);
    await internet.host("leader").namespace.expectRun(["nft", NO_UDP]);
    const { address4: at = "", namespace } = internet.host("stun");
    const server = internet.use(namespace.spawn(trustedProgram("stun_server.ts", [at, `${PORT}`])));
    await server.until(({ stdout }) => stdout.includes("ready"), BOUND_MS, "it is ready");
    const token = await nodeOn(internet, "leader").startLeader();
    const nodes = await Promise.all(
      ["a", "b", "c", "d"].map((name) => join(internet, name, token, ["--stun-server", `${at}:${PORT}`])),
    );
    const [a, b, behind, beside] = nodes as [Member, Member, Member, Member];

    await test.step("they are seen by the servers at outside addresses of their NATs", async () => {
      for (const { weft, host } of nodes) {
        const outside = (host.network as { readonly address4?: string }).address4;
        const { reach } = await weft.untilStatus(
          (status) => (status.reach?.seenAt.length ?? 0) > 0,
          BOUND_MS,
          "it knows where it is seen",
        );
        assert.deepEqual(reach?.seenAt.map((seen) => seen.split(":")[0]), [outside], host.name);
      }
    });

    for (const [from, to] of [[a, b], [behind, beside]] as const) {
      await test.step(`${from.host.name} and ${to.host.name}`, async () => {
        const ping = ["ping", "-n", "-q", "-i", "0.3", "-w", "120", to.address];
        await using _ping = from.host.namespace.spawn(ping);
        const status = await from.weft.untilStatus(
          ({ peers }) => peers.find(({ addresses }) => addresses.includes(to.address))?.path === "direct",
          BOUND_MS,
          `its path to ${to.host.name} is direct`,
        );
        const { endpoint } = status.peers.find(({ addresses }) => addresses.includes(to.address)) ??
          assert.fail();
        const { reach } = await to.weft.status();
        assert(reach?.seenAt.includes(endpoint ?? ""), `${endpoint} is where ${to.host.name} is seen`);
      });
    }
  },
);

type Member = MeshNode<InternetHost>;
