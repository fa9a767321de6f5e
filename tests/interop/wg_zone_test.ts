import assert from "node:assert/strict";
import { type Host, Lab, labTest, PACKET_PLANE, pingMany, thoroughIf, WgDevice } from "../lab/mod.ts";

const [A4, B4] = ["10.9.0.1", "10.9.0.2"] as const;

for (const dataplane of ["fast", "portable"] as const) {
  labTest(`weft wg reaches link-local endpoints by their zone, ${dataplane} data plane`, [
    ...PACKET_PLANE,
    "wg",
    ...thoroughIf(dataplane === "portable"),
  ], async () => {
    await using lab = await Lab.create(["A", "B"]);
    const [hostA, hostB] = [lab.host("A"), lab.host("B")];
    const start = async (
      host: Host,
      address: string,
      options: { readonly dataplane?: typeof dataplane } = {},
    ) =>
      lab.use(
        await WgDevice.start(host.namespace, {
          implementation: "weft",
          addresses: [`${address}/24`],
          port: 51820,
          ...options,
        }),
      );
    const [a, b] = [await start(hostA, A4, { dataplane }), await start(hostB, B4)];
    const [keyA, keyB] = [a.keys.publicKey, b.keys.publicKey];
    // Another link, with the same addresses on it: without the zone nobody could tell.
    await hostA.namespace.ip(
      "link add other type veth peer name end",
      "link set other up",
      "link set end up",
    );
    await hostA.namespace.ip("addr add fe80::a/64 dev eth0 nodad", "addr add fe80::a/64 dev other nodad");
    await hostB.namespace.ip("addr add fe80::b/64 dev eth0 nodad");
    await a.setPeer(keyB, "allowed-ips", `${B4}/32`, "endpoint", "[fe80::b%eth0]:51820");
    await b.setPeer(keyA, "allowed-ips", `${A4}/32`);
    assert.equal((await a.peer(keyB)).endpoint, "[fe80::b%eth0]:51820");
    assert.equal(await pingMany(hostA, B4, 5), 5);
    assert.equal(await pingMany(hostB, A4, 5), 5);
    assert.equal((await a.peer(keyB)).endpoint, "[fe80::b%eth0]:51820");
    assert.equal((await b.peer(keyA)).endpoint, "[fe80::a%eth0]:51820");
    assert.match(await a.wg("showconf", a.name), /^Endpoint = \[fe80::b%eth0\]:51820$/m);
    const unknown = await hostA.namespace.run([
      ..."wg set".split(" "),
      ...[a.name, "peer", keyB, "endpoint", "[2001:db8::b%eth0]:51820"],
    ]);
    assert.notEqual(unknown.code, 0);
  });
}
