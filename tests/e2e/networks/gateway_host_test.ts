import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import {
  type CapturedProcess,
  type Host,
  Lab,
  labTest,
  NAMESPACES,
  NetworkNamespace,
  weftCommand,
} from "../../lab/mod.ts";

const NEEDS = [...NAMESPACES, "nft", "ping"];

/**
 *     inside 10.0.0.7 ─ blue-gw ┐               ┌ weft0 ─ member 10.200.0.2
 *     other  10.1.0.7 ─ red-gw ─┴─ A ───────────┴ eth0 ── B 192.0.2.2, which knows no way back
 *                                  └ docker0 ─ third 172.17.0.2
 */
labTest("GatewayHost leads out of networks to the mesh and the uplink, and nowhere else", NEEDS, async () => {
  await using lab = await Lab.create(["A", "B"]);
  const places = await hostWithNetworks(lab);
  const { inside, other, third, a, b } = places;
  const before = await hostState(a);
  const program = await startGateway(a);
  assert(await answers(inside, "192.0.2.2"), "the outside answers, and knows A alone");
  assert(await answers(inside, "10.200.0.2"), "a member answers, and knows A alone");
  assert(await answers(inside, "10.0.0.1"), "the gateway answers");
  assert(await answers(inside, "2001:db8::2"), "the outside answers by IPv6");
  assert(!await answers(inside, "10.1.0.7"), "another network does not");
  assert(!await answers(other, "10.0.0.7"), "nor the other way");
  assert(!await answers(inside, "172.17.0.2"), "nor what is no way out");
  await b.namespace.ip("route add 10.0.0.0/24 via 192.0.2.1", "route add 10.200.0.0/24 via 192.0.2.1");
  assert(!await answers(b.namespace, "10.0.0.7"), "nobody comes in unasked");
  assert(!await answers(b.namespace, "10.200.0.2"), "the uplink is forwarded to nothing else, as before");
  await third.ip("route add default via 172.17.0.1");
  assert(!await answers(third, "10.200.0.2"), "other interfaces are as before");

  assert.equal((await program.stop()).code, 0);
  assert.deepEqual(await hostState(a), before);
  assert(!await answers(inside, "192.0.2.2"));
});

labTest("weft cleanup takes back what a killed gateway has left", NEEDS, async () => {
  await using lab = await Lab.create(["A", "B"]);
  const { a, inside } = await hostWithNetworks(lab);
  const before = await hostState(a);
  const program = await startGateway(a);
  await program.kill();
  assert(await answers(inside, "192.0.2.2"), "the host forwards on");
  const cleanup = weftCommand("cleanup", "--state", `${a.folder}/state`);
  const said = await a.namespace.expectRun(cleanup);
  assert.match(said, /Undid the forwarding of IPv4 from blue-gw\n/);
  assert.match(said, /Undid the table weft_gateway_weft0 of nftables\n/);
  assert.deepEqual(await hostState(a), before);
});

async function startGateway(a: Host): Promise<CapturedProcess> {
  const path = fileURLToPath(new URL("./gateway_program.ts", import.meta.url));
  const networks = [
    ...["blue", "blue-gw", "10.0.0.0/24,fd00:1::/64"],
    ...["red", "red-gw", "10.1.0.0/24"],
  ];
  const command = [Deno.execPath(), "run", "--quiet", "-A", path, `${a.folder}/state`, "weft0", ...networks];
  const program = a.namespace.spawn(command);
  await program.until(({ stdout }) => stdout.includes("ready"), 10_000, "it is ready");
  return program;
}

async function hostWithNetworks(lab: Lab): Promise<{
  readonly a: Host;
  readonly b: Host;
  readonly inside: NetworkNamespace;
  readonly other: NetworkNamespace;
  readonly third: NetworkNamespace;
}> {
  const [a, b] = [lab.host("A"), lab.host("B")];
  const attach = async (label: string, device: string, network: string): Promise<NetworkNamespace> => {
    const namespace = lab.use(await NetworkNamespace.create(label));
    await a.namespace.ip(
      `link add ${device} type veth peer name eth0 netns ${namespace.name}`,
      `addr add ${network}.1/24 dev ${device}`,
      `link set ${device} up`,
    );
    await namespace.ip(
      `addr add ${network}.${device.endsWith("-gw") ? 7 : 2}/24 dev eth0`,
      "link set eth0 up",
    );
    return namespace;
  };
  const inside = await attach("inside", "blue-gw", "10.0.0");
  const other = await attach("other", "red-gw", "10.1.0");
  await attach("member", "weft0", "10.200.0");
  const third = await attach("third", "docker0", "172.17.0");
  for (const [namespace, gateway] of [[inside, "10.0.0.1"], [other, "10.1.0.1"]] as const) {
    await namespace.ip(`route add default via ${gateway}`);
  }
  await a.namespace.ip("addr add fd00:1::1/64 dev blue-gw nodad", "route add default via 192.0.2.2");
  await a.namespace.ip("-6 route add default via 2001:db8::2");
  await inside.ip("addr add fd00:1::7/64 dev eth0 nodad", "-6 route add default via fd00:1::1");
  return { a, b, inside, other, third };
}

/** What a gateway changes. */
async function hostState({ namespace }: Host): Promise<readonly string[]> {
  const settings = ["ipv4.conf.*.forwarding", "ipv6.conf.*.forwarding", "ipv6.conf.*.force_forwarding"];
  const read = settings.map((name) => `grep . /proc/sys/net/${name.replaceAll(".", "/")}`).join(";");
  return [
    await namespace.expectRun(["nft", "list", "ruleset"]),
    (await namespace.run(["sh", "-c", `${read}; true`])).stdout,
  ];
}

async function answers(from: NetworkNamespace, address: string): Promise<boolean> {
  return (await from.run(["ping", "-c", "1", "-W", "1", address])).code === 0;
}
