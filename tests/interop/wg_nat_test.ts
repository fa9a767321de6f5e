import assert from "node:assert/strict";
import {
  Lab,
  labTest,
  NetworkNamespace,
  PACKET_PLANE,
  pause,
  pingMany,
  waitFor,
  WgDevice,
} from "../lab/mod.ts";

/** What the router remembers of a flow of datagrams; a keepalive each second is more often. */
const MAPPING_SECONDS = 2;

labTest(
  "weft wg holds a NAT mapping open by its keepalive",
  [...PACKET_PLANE, "wg", "iptables", "sysctl"],
  async (test) => {
    await using lab = await Lab.create(["R", "B"]);
    const [router, hostB] = [lab.host("R"), lab.host("B")];
    const inner = lab.use(await NetworkNamespace.create("inner"));
    await router.namespace.ip(
      `link add lan type veth peer name eth0 netns ${inner.name}`,
      "addr add 10.77.0.1/24 dev lan",
      "link set lan up",
    );
    await inner.ip("addr add 10.77.0.2/24 dev eth0", "link set eth0 up", "route add default via 10.77.0.1");
    const inRouter = (command: string) => router.namespace.expectRun(command.split(" "));
    await inRouter("sysctl -q -w net.ipv4.ip_forward=1");
    await inRouter(
      `iptables -t nat -A POSTROUTING -s 10.77.0.0/24 -o eth0 -j SNAT --to-source ${router.address4}`,
    );
    // The switches exist once connections are tracked.
    for (const name of ["udp_timeout", "udp_timeout_stream"]) {
      await inRouter(`sysctl -q -w net.netfilter.nf_conntrack_${name}=${MAPPING_SECONDS}`);
    }
    const a = lab.use(
      await WgDevice.start(inner, { implementation: "weft", addresses: ["10.9.0.1/24"], port: 51820 }),
    );
    const b = lab.use(
      await WgDevice.start(hostB.namespace, {
        implementation: "weft",
        addresses: ["10.9.0.2/24"],
        port: 51820,
      }),
    );
    const [keyA, keyB] = [a.keys.publicKey, b.keys.publicKey];
    await b.setPeer(keyA, "allowed-ips", "10.9.0.1/32");
    const keepalive = (value: string) => a.setPeer(keyB, "persistent-keepalive", value);

    await test.step("with a keepalive each second it is reached, also much later", async () => {
      await a.setPeer(keyB, "allowed-ips", "10.9.0.2/32", "endpoint", `${hostB.address4}:51820`);
      await keepalive("1");
      await waitFor(async () => (await b.peer(keyA)).latestHandshake > 0, 5_000, {
        what: "it calls by itself",
      });
      assert.match((await b.peer(keyA)).endpoint, new RegExp(`^${router.address4.replaceAll(".", "\\.")}:`));
      await pause((MAPPING_SECONDS + 1.5) * 1000);
      assert.equal(await pingMany(hostB, "10.9.0.1", 3), 3);
    });

    await test.step("without one the way is closed", async () => {
      await keepalive("off");
      await pause((MAPPING_SECONDS + 1) * 1000);
      assert.equal(await pingMany(hostB, "10.9.0.1", 1), 0);
    });
  },
);
