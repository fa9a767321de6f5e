import assert from "node:assert/strict";
import {
  type Host,
  Lab,
  labTest,
  measureThroughput,
  PACKET_PLANE,
  pingMany,
  pingOnce,
  waitFor,
  WgDevice,
  type WgImplementation,
} from "../lab/mod.ts";

/** Megabytes of each TCP run; a long run is made with a larger one. */
const MEGABYTES = Number(Deno.env.get("WEFT_TEST_MEGABYTES") ?? 20);
/** The receiver stops counting when the sender is done, and what is on its way does not count. */
const MOST = MEGABYTES * 800_000;
const UDP_MEGABYTES = Math.min(MEGABYTES, 8);

const [A4, B4, A6, B6] = ["10.9.0.1", "10.9.0.2", "fd00:9::1", "fd00:9::2"] as const;
const MTU_BOUND_MS = 5_000;

for (const other of ["weft", "wireguard-go"] as const satisfies readonly WgImplementation[]) {
  labTest(
    `weft wg carries everything to ${other} under wg`,
    [...PACKET_PLANE, "wg", "iperf3", ...(other === "weft" ? [] : [other])],
    async (test) => {
      await using lab = await Lab.create(["A", "B"]);
      const [hostA, hostB] = [lab.host("A"), lab.host("B")];
      const [a, b] = [await start(lab, hostA, "weft"), await start(lab, hostB, other)];
      await a.setPeer(b.keys.publicKey, "allowed-ips", `${B4}/32,${B6}/128`);
      await b.setPeer(a.keys.publicKey, "allowed-ips", `${A4}/32,${A6}/128`);

      const from = (host: Host, version: 4 | 6) =>
        version === 4 ? `${host.address4}:51820` : `[${host.address6}]:51820`;

      await test.step("counters are exact", async () => {
        await a.setPeer(b.keys.publicKey, "endpoint", from(hostB, 4));
        assert.equal(await pingMany(hostA, B4, 10), 10);
        const [mine, theirs] = [await a.peer(b.keys.publicKey), await b.peer(a.keys.publicKey)];
        // An initiation, ten packets of 84 bytes that are padded to 96, and perhaps an empty one that confirms.
        assert([1428, 1460].includes(mine.txBytes), String(mine.txBytes));
        assert.equal(mine.rxBytes, 92 + 10 * 128);
        assert.deepEqual([theirs.rxBytes, theirs.txBytes], [mine.txBytes, mine.rxBytes]);
        assert(Math.abs(mine.latestHandshake - Date.now() / 1000) < 60);
      });

      for (const outside of [4, 6] as const) {
        await test.step(`over IPv${outside}: flood pings, TCP and UDP both ways`, async () => {
          await a.setPeer(b.keys.publicKey, "endpoint", from(hostB, outside));
          await b.setPeer(a.keys.publicKey, "endpoint", from(hostA, outside));
          await pingOnce(hostA, B4);
          for (const [host, address] of [[hostA, B4], [hostB, A6]] as const) {
            assert.equal(await floodPing(host, address, 500), 500);
          }
          await carry(hostA, { place: hostB.namespace, address: outside === 4 ? B4 : B6 });
        });
      }

      await test.step("at an MTU of 34,736", async () => {
        for (const device of [a, b]) await device.namespace.ip(`link set ${device.name} mtu 34736`);
        const whole = async () => await pingSized(hostA, B4, 34_736 - 28) === 3;
        await waitFor(whole, MTU_BOUND_MS, { what: "a ping of the whole MTU is answered" });
        const { bytes } = await measureThroughput(hostA.namespace, { place: hostB.namespace, address: B6 }, [
          ...["-n", `${MEGABYTES}M`],
        ]);
        assert(bytes >= MOST);
      });

      await test.step("nobody has received more than was sent", async () => {
        // Theirs are read first, so that nothing is counted here between the two.
        const [theirs, mine] = [await b.peer(a.keys.publicKey), await a.peer(b.keys.publicKey)];
        assert(theirs.rxBytes <= mine.txBytes && theirs.rxBytes > mine.txBytes / 2);
        const [again, now] = [await a.peer(b.keys.publicKey), await b.peer(a.keys.publicKey)];
        assert(again.rxBytes <= now.txBytes && again.rxBytes > now.txBytes / 2);
      });
    },
  );
}

/** Starts one end with the addresses of its host. */
async function start(lab: Lab, host: Host, implementation: WgImplementation): Promise<WgDevice> {
  const [address4, address6] = host === lab.host("A") ? [A4, A6] : [B4, B6];
  const addresses = [`${address4}/24`, `${address6}/64`];
  return lab.use(await WgDevice.start(host.namespace, { implementation, addresses, port: 51820 }));
}

/** TCP and UDP, there and back. */
async function carry(from: Host, to: { readonly place: Host["namespace"]; readonly address: string }) {
  for (const direction of [[], ["-R"]]) {
    const tcp = await measureThroughput(from.namespace, to, ["-n", `${MEGABYTES}M`, ...direction]);
    assert(tcp.bytes >= MOST, `${tcp.bytes} bytes`);
    const options = ["-u", "-b", "80M", "-l", "1300", "-n", `${UDP_MEGABYTES}M`, ...direction];
    const udp = await measureThroughput(from.namespace, to, options);
    assert((udp.lostPercent ?? 100) < 10, `${udp.lostPercent} % of the datagrams were lost`);
    // deno-lint-ignore no-console -- a measurement for the log
    console.log(`to ${to.address} ${direction}: ${(tcp.bitsPerSecond / 1e6).toFixed(0)} Mbit/s of TCP`);
  }
}

async function floodPing(from: Host, address: string, count: number): Promise<number> {
  return received(await from.namespace.run(["ping", "-q", "-f", "-c", String(count), "-W", "1", address]));
}

async function pingSized(from: Host, address: string, size: number): Promise<number> {
  return received(
    await from.namespace.run(["ping", "-q", "-i", "0.05", "-c", "3", "-W", "1", "-s", String(size), address]),
  );
}

function received({ stdout }: { readonly stdout: string }): number {
  return Number(/(\d+) received/.exec(stdout)?.[1] ?? 0);
}
