import assert from "node:assert/strict";
import type { RouteReport } from "../../../lib/api/mod.ts";
import { type Host, Lab, labTest, PACKET_PLANE, startMesh, untilAllKnowAll, waitFor } from "../../lab/mod.ts";
import type { WeftNode } from "../../lab/mod.ts";

const LAN = "192.168.50.0/24";
const PRINTER = "192.168.50.9";

/** `A (leader) ─ mesh ─┬─ B ─┬─ lan ─ D`, which is no member and answers at an address of the LAN. B and C lead there. */
labTest("routes: a network behind members is reached when a leader says so, and by whoever is there", [
  ...PACKET_PLANE,
  "nft",
], async () => {
  await using lab = await Lab.create(["A", "B", "C", "D"]);
  const [hostA, hostB, hostC, hostD] = ["A", "B", "C", "D"].map((name) => lab.host(name)) as [
    Host,
    Host,
    Host,
    Host,
  ];
  await makeLan(hostD, [hostB, hostC]);
  const { nodes } = await startMesh(lab, ["A", "B", "C"]);
  const [a, b, c] = nodes;
  assert(a !== undefined && b !== undefined && c !== undefined);
  await untilAllKnowAll(nodes);

  // What is behind a plain device is led to by everybody's host at once.
  const publicKey = "jWHcTBmmxOBFnwoTsSwI+9ZhAmfe/f7g2Zv1oyzKzEk=";
  await a.weft.post("/peers", { name: "dsl", publicKey, allowedIps: ["192.168.60.0/24"] });
  await waitFor(async () => (await lanRoutes(hostC, "192.168.60.0/24")).length === 1, 20_000, {
    what: "C has it",
  });

  // What no leader has approved leads nobody anywhere.
  assert.match(await b.weft.expectCommand("route", "add", LAN), /^Offered: .*weft route approve/);
  await waitFor(async () => (await routesOf(a.weft)).length === 1, 20_000, {
    what: "the leader sees the offer",
  });
  assert.equal((await routesOf(a.weft))[0]?.state, "offered");
  assert.deepEqual(await lanRoutes(hostA), []);
  assert.equal(await rulesOf(hostB), "");
  await assert.rejects(b.weft.post("/routes/approve", { network: LAN }), /NotLeader/);

  assert.match(await a.weft.expectCommand("route", "approve", LAN, "b"), /^b leads members to/);
  await untilReached(hostA, PRINTER);
  // Beside the network itself it is left alone, and D sees B's own address.
  assert.deepEqual(await lanRoutes(hostC), []);
  assert((await packetsFrom(hostD, "192.168.50.2")) > 0, "the router masquerades");

  // A policy knows the network as its router's, and its hosts by their blocks.
  await a.weft.post("/policies", {
    document: { rules: [{ deny: { from: "name=a", to: PRINTER } }, { allow: { from: "*", to: "*" } }] },
    yes: true,
  });
  await waitFor(async () => !await isReached(hostA, PRINTER), 20_000, { what: "the policy keeps A out" });
  assert.match((await a.weft.command("policy", "explain", "a", PRINTER)).stdout, /den(y|ied)/i);
  await a.weft.delete("/policies");
  await untilReached(hostA, PRINTER);

  // A second router stands by, and carries on when the first one dies.
  await a.weft.post("/routes", { network: LAN, via: "c" });
  await waitFor(
    async () =>
      (await routesOf(a.weft)).map(({ node, use }) => `${node} ${use}`).join() === "b carries,c standby",
    20_000,
    { what: "B carries, C stands by" },
  );

  // The first one answers, but its cable is pulled; it says so, until it is plugged in again.
  await hostD.namespace.ip("link set lan0 down");
  await untilReached(hostA, PRINTER);
  assert((await packetsFrom(hostD, "192.168.50.3")) > 0, "C carries meanwhile");
  await waitFor(
    async () => /router itself has no way there/.test((await routesOf(a.weft))[0]?.problem ?? ""),
    20_000,
    { what: "B says why" },
  );
  await hostD.namespace.ip("link set lan0 up");
  await waitFor(async () => (await routesOf(a.weft))[0]?.problem === undefined, 20_000, {
    what: "B says that it is back",
  });
  const before = await packetsFrom(hostD, "192.168.50.3");
  await b.weft.kill();
  await untilReached(hostA, PRINTER, 30_000);
  assert((await packetsFrom(hostD, "192.168.50.3")) > before, "C carries again");

  // What a killed router has left is taken back by its next start, which leads nobody anywhere any more.
  assert.match(await rulesOf(hostB), /weft_gateway/);
  await a.weft.delete(`/routes?network=${encodeURIComponent(LAN)}&node=b`);
  await b.weft.start("up");
  await waitFor(async () => await rulesOf(hostB) === "", 20_000, { what: "the rules of B are gone" });
  assert.equal(await forwardingOf(hostB), "0");

  // With members' own addresses, hosts of the network need a way back, and reach members by it.
  await a.weft.post("/routes", { network: LAN, via: "c", masquerade: false });
  await hostD.namespace.ip(`route add 10.200.0.0/16 via 192.168.50.3`);
  await waitFor(
    async () => await isReached(hostA, PRINTER) && await packetsFrom(hostD, a.address) > 0,
    20_000,
    {
      what: "D sees the member's own address",
    },
  );
  await untilReached(hostD, a.address);

  await a.weft.expectCommand("route", "remove", LAN);
  await waitFor(async () => (await lanRoutes(hostA)).length === 0, 20_000, { what: "the route is gone" });
  await waitFor(async () => await rulesOf(hostC) === "", 20_000, { what: "the rules are gone" });
  assert.equal(await forwardingOf(hostC), "0");
  assert(!await isReached(hostA, PRINTER));
});

async function makeLan(station: Host, routers: readonly Host[]): Promise<void> {
  await station.namespace.ip("link add lan type bridge", "link set lan up", `addr add ${PRINTER}/24 dev lan`);
  for (const [i, router] of routers.entries()) {
    await station.namespace.ip(
      `link add lan${i} type veth peer name lan netns ${router.namespace.name}`,
      `link set lan${i} master lan up`,
    );
    await router.namespace.ip(`addr add 192.168.50.${i + 2}/24 dev lan`, "link set lan up");
  }
  const rules = ["192.168.50.2", "192.168.50.3", "10.200.0.0/16"].map((from) =>
    `ip saddr ${from} icmp type echo-request counter\n`
  );
  await station.namespace.expectRun([
    "nft",
    `table ip seen {\nchain input { type filter hook input priority 0\n${rules.join("")} }\n}`,
  ]);
}

async function packetsFrom(station: Host, address: string): Promise<number> {
  const block = address.startsWith("10.200.") ? "10.200.0.0/16" : address;
  const rules = await station.namespace.expectRun(["nft", "list", "table", "ip", "seen"]);
  const line = rules.split("\n").find((text) => text.includes(`saddr ${block} `)) ?? "";
  return Number(/packets (\d+)/.exec(line)?.[1] ?? 0);
}

async function routesOf(weft: WeftNode): Promise<readonly RouteReport[]> {
  return JSON.parse(await weft.get("/routes"));
}

async function lanRoutes(host: Host, network = LAN): Promise<readonly unknown[]> {
  return (await host.namespace.ipJson<{ dst: string }>("route show dev weft0")).filter(({ dst }) =>
    dst === network
  );
}

async function rulesOf(host: Host): Promise<string> {
  return (await host.namespace.expectRun(["nft", "list", "ruleset"])).trim();
}

async function forwardingOf(host: Host): Promise<string> {
  return (await host.namespace.expectRun(["sh", "-c", "cat /proc/sys/net/ipv4/conf/*/forwarding | sort -u"]))
    .trim();
}

async function isReached(from: Host, address: string): Promise<boolean> {
  return (await from.namespace.run(["ping", "-c", "1", "-W", "1", address])).code === 0;
}

async function untilReached(from: Host, address: string, boundMs = 20_000): Promise<void> {
  await waitFor(() => isReached(from, address), boundMs, { what: `${address} answers` });
}
