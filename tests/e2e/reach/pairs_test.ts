import assert from "node:assert/strict";
import {
  type AttachmentKind,
  directPath,
  Internet,
  type InternetHost,
  labTest,
  type MeshNode,
  nodeOn,
  PACKET_PLANE,
  programsOf,
} from "../../lab/mod.ts";

/** Where members are; the leader is in the open. */
const KINDS: readonly AttachmentKind[] = [
  "same-lan",
  "endpoint-independent-nat",
  "endpoint-dependent-nat",
  "double-nat",
  "ipv6-only",
  "udp-blocked",
  "http-proxy",
  "mtu-1280",
];

/** For all pairs at once, on a machine that is busy with nine agents. */
const BOUND_SECONDS = 20;

labTest("every pair of members reaches each other, wherever they are", [
  ...PACKET_PLANE,
  ...programsOf(KINDS),
], async () => {
  await using internet = await Internet.of({
    leader: "open",
    ...Object.fromEntries(KINDS.map((kind) => [kind, kind])),
  });
  const leader = nodeOn(internet, "leader");
  const token = await leader.startLeader();
  const nodes: readonly MeshNode<InternetHost>[] = await Promise.all(KINDS.map(async (kind) => {
    const [host, weft] = [internet.host(kind), nodeOn(internet, kind)];
    const status = await weft.start("--join", token);
    return { host, weft, address: status.node.addresses[0] ?? "", upMs: 0 };
  }));
  const pairs = nodes.flatMap((from) => nodes.filter((to) => to !== from).map((to) => [from, to] as const));
  const silent = await Promise.all(pairs.map(async ([from, to]) => {
    const theory = directPath(from.host.reachability, to.host.reachability);
    const ping = ["ping", "-n", "-q", "-c", "1", "-i", "0.3", "-w", `${BOUND_SECONDS}`, to.address];
    if ((await from.host.namespace.run(ping)).code === 0) return [];
    const peer = (await from.weft.status()).peers.find(({ addresses }) => addresses.includes(to.address));
    return [`${from.host.name} – ${to.host.name}: ${peer?.path ?? "unknown"}, theory allows ${theory}`];
  }));
  assert.deepEqual(silent.flat(), []);
  await Promise.all(pairs.map(async ([from, to]) => {
    if (directPath(from.host.reachability, to.host.reachability) === "none") return;
    await from.weft.untilStatus(
      ({ peers }) => peers.find(({ addresses }) => addresses.includes(to.address))?.path === "direct",
      BOUND_SECONDS * 1000,
      `its path to ${to.host.name} is direct`,
    );
  }));
});
