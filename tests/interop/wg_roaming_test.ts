import assert from "node:assert/strict";
import {
  type Host,
  Lab,
  labTest,
  NetworkNamespace,
  PACKET_PLANE,
  pingMany,
  pingOnce,
  waitFor,
  WgDevice,
  type WgImplementation,
} from "../lab/mod.ts";

const [A4, B4, C4] = ["10.9.0.1", "10.9.0.2", "10.9.0.3"] as const;

for (const other of ["weft", "wireguard-go"] as const satisfies readonly WgImplementation[]) {
  labTest(
    `weft wg follows ${other} wherever it goes`,
    [...PACKET_PLANE, "wg", ...(other === "weft" ? [] : [other])],
    async (test) => {
      await using lab = await Lab.create(["A", "B"]);
      const [hostA, hostB] = [lab.host("A"), lab.host("B")];
      const [a, b] = [await start(lab, hostA, "weft", A4), await start(lab, hostB, other, B4)];
      const [keyA, keyB] = [a.keys.publicKey, b.keys.publicKey];
      await a.setPeer(keyB, "allowed-ips", `${B4}/32`);
      await b.setPeer(keyA, "allowed-ips", `${A4}/32`);

      await test.step("the listen port changes while it runs, and the other learns it", async () => {
        await a.setPeer(keyB, "endpoint", `${hostB.address4}:51820`);
        await pingOnce(hostA, B4);
        await a.set("listen-port", "9998");
        await b.set("listen-port", "9997");
        await a.setPeer(keyB, "endpoint", `${hostB.address4}:9997`);
        assert.equal(await pingMany(hostA, B4, 3), 3);
        assert.equal((await b.peer(keyA)).endpoint, `${hostA.address4}:9998`);
        // Back from where it now is, in the session that was there.
        assert.equal(await pingMany(hostB, A4, 3), 3);
        await a.set("listen-port", "0");
        assert.notEqual((await a.wg("show", a.name, "listen-port")).trim(), "9998");
        assert.equal(await pingMany(hostA, B4, 3), 3);
      });

      // wireguard-go 0.0.20250522 sends what comes first after a change to IPv6 elsewhere: it copies four bytes of the
      // address to what it has left from IPv4, once for each of its threads.
      const answersSoon = (from: Host, address: string) =>
        waitFor(async () => await pingMany(from, address, 3) === 3, 20_000, { what: `${address} answers` });
      const answers = async (from: Host, address: string) =>
        assert.equal(await pingMany(from, address, 3), 3);

      for (const version of [4, 6] as const) {
        const expectAnswers = other === "wireguard-go" && version === 6 ? answersSoon : answers;
        await test.step(`it roams to another address, IPv${version}`, async () => {
          const [bits, hostAddress, next] = version === 4
            ? [24, hostA.address4, "192.0.2.101"]
            : [64, hostA.address6, "2001:db8::101"];
          const noDad = version === 4 ? "" : " nodad";
          const at = (address: string) => version === 4 ? address : `[${address}]`;
          await a.set("listen-port", "9998");
          const endpoint = version === 4 ? `${hostB.address4}:9997` : `[${hostB.address6}]:9997`;
          await a.setPeer(keyB, "endpoint", endpoint);
          await expectAnswers(hostA, B4);
          assert.equal((await b.peer(keyA)).endpoint, `${at(hostAddress)}:9998`);
          await hostA.namespace.ip(`addr del ${hostAddress}/${bits} dev eth0`);
          await hostA.namespace.ip(`addr add ${next}/${bits} dev eth0${noDad}`);
          await expectAnswers(hostA, B4);
          assert.equal((await b.peer(keyA)).endpoint, `${at(next)}:9998`);
          await expectAnswers(hostB, A4);
          await a.set("listen-port", "9996");
          await expectAnswers(hostA, B4);
          assert.equal((await b.peer(keyA)).endpoint, `${at(next)}:9996`);
        });
      }

      await test.step("an interface that was moved to another namespace keeps its sockets, and is followed", async () => {
        await using container = await NetworkNamespace.create("container");
        await hostA.namespace.ip(`link set ${a.name} netns ${container.name}`);
        await container.ip(`addr add ${A4}/24 dev ${a.name}`, `link set ${a.name} up`);
        const inside: Host = { ...hostA, namespace: container };
        // The socket of the API is where it was, and so is the way out.
        assert.equal(await pingMany(hostA, B4, 1), 0);
        await waitFor(async () => await pingMany(inside, B4, 3) === 3, 30_000, { what: "it answers again" });
        assert.equal(await pingMany(hostB, A4, 3), 3);
        assert((await a.peer(keyB)).latestHandshake > 0);

        await container.ip(`link set ${a.name} mtu 1300`);
        // A packet as long as the MTU is not padded beyond it.
        const grows = async () => {
          const before = (await a.settledPeer(keyB)).txBytes;
          const ping = `ping -c 1 -W 1 -s ${1300 - 28} ${B4}`;
          assert.equal((await container.run(ping.split(" "))).code, 0);
          return (await a.settledPeer(keyB)).txBytes - before;
        };
        await waitFor(async () => await grows() === 1300 + 32, 5_000, { what: "the MTU is known" });
        const hasSocket = async () =>
          (await hostA.namespace.expectRun(["cat", "/proc/net/udp6"])).includes(
            `:${(9996).toString(16)} `.toUpperCase(),
          );
        assert.equal(await hasSocket(), true);
        await container.ip(`link set ${a.name} down`);
        await waitFor(async () => !await hasSocket(), 5_000, { what: "the port is free" });
        await container.ip(`link set ${a.name} up`, `route replace 10.9.0.0/24 dev ${a.name}`);
        await waitFor(async () => await pingMany(inside, B4, 3) === 3, 10_000, { what: "it answers again" });

        await container.ip(`link del ${a.name}`);
        assert.equal((await a.process.finished).code, 0);
      });
    },
  );
}

labTest("weft wg cuts a peer off whose prefix another one gets", [...PACKET_PLANE, "wg"], async () => {
  await using lab = await Lab.create(["A", "B", "C"]);
  const [hostA, hostB, hostC] = [lab.host("A"), lab.host("B"), lab.host("C")];
  const a = await start(lab, hostA, "weft", A4);
  // Both claim to be B4.
  const [b, c] = [await start(lab, hostB, "weft", B4), await start(lab, hostC, "weft", B4)];
  for (const [host, device] of [[hostB, b], [hostC, c]] as const) {
    await device.setPeer(
      a.keys.publicKey,
      "allowed-ips",
      "10.9.0.0/24",
      "endpoint",
      `${hostA.address4}:51820`,
    );
    const endpoint = `${host.address4}:51820`;
    const prefix = host === hostB ? "10.9.0.0/24" : `${C4}/32`;
    await a.setPeer(device.keys.publicKey, "endpoint", endpoint, "allowed-ips", prefix);
  }
  assert.equal(await pingMany(hostA, B4, 2), 2);
  assert.equal(await pingMany(hostB, A4, 2), 2);
  // What arrives there: how much was sent is told later, where another worker sends it and the machine is busy.
  const before = (await b.settledPeer(a.keys.publicKey)).rxBytes;
  await a.setPeer(c.keys.publicKey, "allowed-ips", `${B4}/32`);
  assert.equal(await pingMany(hostA, B4, 2), 2);
  assert.equal((await b.settledPeer(a.keys.publicKey)).rxBytes, before);
  assert.equal(await pingMany(hostB, A4, 2), 0);
  assert.equal(await pingMany(hostC, A4, 2), 2);
});

async function start(
  lab: Lab,
  host: Host,
  implementation: WgImplementation,
  address: string,
): Promise<WgDevice> {
  const addresses = [`${address}/24`];
  return lab.use(await WgDevice.start(host.namespace, { implementation, addresses, port: 51820 }));
}
